"""Torch against the exported file."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from fakes.tiny import TinyNet, named, tiny_net
from onnx import numpy_helper

from bpkd_core.errors import InvalidInput, ParityFailed
from bpkd_core.export import ExportInfo, Parity, check_parity, export_onnx
from bpkd_core.export.network import TRACED_HW
from bpkd_core.export.parity import Case

SIZES = ((33, 50), (64, 40))


def edited(path: Path, name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Path:
    """A copy of the file in which one constant is another."""
    model = onnx.load(path)
    (constant,) = (each for each in model.graph.initializer if each.name == name)
    constant.CopyFrom(numpy_helper.from_array(edit(numpy_helper.to_array(constant)), name))
    onnx.checker.check_model(model, full_check=True)  # the checker finds nothing wrong with it
    copied = path.with_name("edited.onnx")
    onnx.save(model, copied)
    return copied


def constant_of_shape(path: Path, shape: tuple[int, ...]) -> str:
    (name,) = (each.name for each in onnx.load(path).graph.initializer if tuple(each.dims) == shape)
    return name


def test_a_faithful_file_passes_at_every_size_and_batch(net: TinyNet, exported: ExportInfo) -> None:
    """The gate must open for what is right, or it will be widened."""
    parity = check_parity(net, exported.path)
    parity.raise_if_bad()
    assert parity.max_abs_logit_diff < 1e-5
    assert parity.argmax_agreement == parity.mask_agreement == 1.0
    assert {(case.kind, case.batch) for case in parity.cases} == {
        (kind, batch) for kind in ("noise", "smooth") for batch in (1, 3)
    }
    assert len({case.hw for case in parity.cases}) == 5


def test_logits_are_watched_in_a_file_that_gives_masks_only(tmp_path: Path) -> None:
    """That is the file that is served."""
    net = tiny_net(2, stride=8)
    path = export_onnx(net, tmp_path / "net.onnx", classes=named(2)).path
    before = path.read_bytes()
    check_parity(net, path, sizes=SIZES).raise_if_bad()
    assert path.read_bytes() == before


def test_a_changed_weight_fails(net: TinyNet, exported: ExportInfo) -> None:
    """An export of the wrong checkpoint looks like any other file."""
    path = edited(exported.path, "scores.bias", lambda bias: bias + np.float32(0.01))
    parity = check_parity(net, path, sizes=SIZES, batches=(1,))
    assert parity.max_abs_logit_diff == pytest.approx(0.01, rel=0.01)
    with pytest.raises(ParityFailed, match=r"logits by 0\.01"):
        parity.raise_if_bad()


def test_a_wrong_upsampling_fails_although_the_logits_are_right(net: TinyNet, exported: ExportInfo) -> None:
    """Users see masks; the comparison of logits stops before the graph's own arithmetic."""
    weights = constant_of_shape(exported.path, (4, net.stride**2))
    path = edited(exported.path, weights, lambda corners: corners[::-1])
    parity = check_parity(net, path, sizes=SIZES, batches=(1,))
    assert parity.argmax_agreement == 1.0
    with pytest.raises(ParityFailed, match="of pixels agree"):
        parity.raise_if_bad()


def test_the_file_of_another_network_fails(exported: ExportInfo) -> None:
    """Another stride or another number of classes cannot be compared number by number."""
    for other in (tiny_net(5, stride=8), tiny_net(4)):
        with pytest.raises(ParityFailed, match="file of another network"):
            check_parity(other, exported.path, sizes=SIZES, batches=(1,))


def test_a_network_that_gives_nan_fails(net: TinyNet, exported: ExportInfo) -> None:
    """NaN compares false with everything, also with a tolerance."""
    diverged = copy.deepcopy(net)
    with torch.no_grad():
        diverged.scores.bias[0] = torch.nan
    with pytest.raises(ParityFailed):
        check_parity(diverged, exported.path, sizes=SIZES, batches=(1,)).raise_if_bad()


def test_the_traced_size_is_refused(net: TinyNet, exported: ExportInfo) -> None:
    """Files that are wrong everywhere else are right there."""
    with pytest.raises(InvalidInput, match="proves nothing"):
        check_parity(net, exported.path, sizes=(TRACED_HW,))


def test_a_tie_is_reported_and_does_not_fail() -> None:
    """Torch itself gives another class there when it sums in another order."""
    case = Case("noise", 1, (10, 10), 1e-7, 1.0, cells=4, cells_agreeing=4, pixels=100, pixels_agreeing=98, tied=2)
    parity = Parity((case,))
    parity.raise_if_bad()
    assert (parity.mask_agreement, parity.tied_pixels) == (0.98, 2)
    with pytest.raises(ParityFailed):
        Parity((Case("noise", 1, (10, 10), 1e-7, 1.0, 4, 4, 100, pixels_agreeing=98, tied=1),)).raise_if_bad()


def test_a_difference_is_judged_by_the_size_of_the_logits() -> None:
    """Logits of 1,000 cannot agree to 1e-4 in float32; logits of 1 must."""
    large = Parity((Case("noise", 1, (10, 10), 0.01, 1000.0, 4, 4, 100, 100, 0),))
    small = Parity((Case("noise", 1, (10, 10), 0.01, 1.0, 4, 4, 100, 100, 0),))
    large.raise_if_bad()
    with pytest.raises(ParityFailed):
        small.raise_if_bad()
