"""Every family of networks, exported and compared with torch at sizes it was not traced at."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
from fakes.tiny import named
from references.openmmlab import redraw

from bpkd_core import catalog
from bpkd_core.export import check_parity, export_onnx
from bpkd_core.models import build

SIZES = ((32, 64), (96, 160), (65, 129), (97, 33), (48, 200))


def module(name: str) -> str:
    return catalog.MODELS[name].target.partition(":")[0]


def size(name: str) -> float:
    return catalog.MODELS[name].params_m or 0.0


SMALLEST = [min(family, key=size) for _, family in groupby(sorted(catalog.MODELS, key=module), key=module)]
"""Of each module. The larger ones are of the same parts; tests/bench/export.py exports them all."""


@pytest.mark.parametrize("name", SMALLEST)
def test_the_exported_file_says_what_torch_says_at_every_size(name: str, tmp_path: Path) -> None:
    """Adaptive pooling, resizes to another map's size and padded windows export without a complaint, and wrong: the
    exporter writes the traced size into the graph."""
    net = build(name, num_classes=5).eval()
    redraw(net)
    export_onnx(net, tmp_path / "net.onnx", classes=named(5))
    parity = check_parity(net, tmp_path / "net.onnx", sizes=SIZES, batches=(2,))
    assert max(case.logit_scale for case in parity.cases) > 0.3, "of weights that say something"
    assert parity.max_abs_logit_diff <= 1e-4
    assert parity.argmax_agreement >= 0.999
    parity.raise_if_bad()
