"""The file that is served."""

from __future__ import annotations

import copy
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from fakes.tiny import TinyNet, named, tiny_net

from bpkd_core.errors import InvalidInput
from bpkd_core.export import ExportInfo, export_onnx
from bpkd_core.export.parity import reference_scores
from bpkd_core.infer import Session


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 50), (1, 3, 3), (3, 33, 41), (1, 64, 64)])
def test_every_output_is_what_torch_computes(net: TinyNet, exported: ExportInfo, shape: tuple[int, int, int]) -> None:
    """Any height, width and batch, one pixel included: the contract promises it."""
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = Session(exported.path).run(images, ("mask", "confidence", "logits"))
    logits, scores = reference_scores(copy.deepcopy(net).eval(), net.stride, images)
    np.testing.assert_allclose(found["logits"], logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(found["confidence"], scores.softmax(1).amax(1).numpy(), atol=1e-5)
    np.testing.assert_array_equal(found["mask"], scores.argmax(1).numpy())


def test_only_the_outputs_that_were_asked_for_are_in_the_file(tmp_path: Path) -> None:
    """Confidence costs a full upsampling of every class; whoever wants masks should not pay for it."""
    info = export_onnx(tiny_net(1), tmp_path / "one.onnx", classes=named(1))
    operators = {node.op_type for node in onnx.load(info.path).graph.node}
    assert Session(info.path).outputs == ("mask",)
    assert not operators & {"Resize", "Softmax"}


def test_the_file_says_what_it_holds(exported: ExportInfo) -> None:
    """Class names, colours and provenance travel with the weights, whatever the file is called."""
    session = Session(exported.path)
    assert session.contract.classes == tuple(named(5))
    assert (session.contract.ignore_index, session.contract.stride) == (255, 4)
    assert session.contract.extra == {"job": "job_1", "name": "Straße"}
    assert session.metadata["bpkd.contract"] == "1"


def test_the_export_is_described_as_it_is(exported: ExportInfo) -> None:
    """The hash is the version's name in the registry."""
    data = exported.path.read_bytes()
    model = onnx.load_from_string(data)
    assert exported.sha256 == hashlib.sha256(data).hexdigest()
    assert exported.size_bytes == len(data)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", exported.opset)]
    assert model.ir_version == exported.ir_version


def test_nothing_of_the_machine_is_in_the_file(exported: ExportInfo) -> None:
    """The exporter records stack traces: whoever downloads a model need not learn where it was made."""
    data = exported.path.read_bytes()
    traces = [b"site-packages", b'File "', b"torch", b"fakes", b"namespace", str(Path.home()).encode()]
    places = [str(Path(place).resolve()).encode() for place in (*sys.path, __file__, exported.path.parent) if place]
    assert [each for each in (*traces, *places) if len(each) > 3 and each in data] == []


def test_equal_weights_give_equal_bytes(net: TinyNet, exported: ExportInfo, tmp_path: Path) -> None:
    """A retried export publishes the file that is already there, under the same content hash."""
    again = export_onnx(
        net,
        tmp_path / "again.onnx",
        classes=named(5),
        metadata={"name": "Straße", "job": "job_1"},
        outputs=("mask", "confidence", "logits"),
    )
    assert again.sha256 == exported.sha256


def test_exporting_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    """Training may go on behind an export."""
    net = tiny_net(2).train()
    before = copy.deepcopy(net.state_dict())
    export_onnx(net, tmp_path / "net.onnx", classes=named(2))
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("classes", "options", "sentence"),
    [
        (named(4), {}, "4 classes were named for a network of 5"),
        (named(6)[1:], {}, "class ids are"),
        (named(5), {"outputs": ("confidence",)}, "expected mask"),
        (named(5), {"outputs": ("mask", "heatmap")}, "expected mask"),
        (named(5), {"metadata": {"stride": "8"}}, "may not set stride"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    net: TinyNet, tmp_path: Path, classes: list, options: dict, sentence: str
) -> None:
    """A file with the wrong class names would be served without a complaint."""
    with pytest.raises(InvalidInput, match=sentence):
        export_onnx(net, tmp_path / "net.onnx", classes=classes, **options)
    assert list(tmp_path.iterdir()) == []
