"""The how-to pages on teachers, typed, with teachers that are made in a second."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from blocks import script
from fakes.colours import CLASSES, colour_teacher, write_blocks
from test_docs_blocks import run

from bpkd_core.bundle import Bundle
from bpkd_core.foreign.findings import NORMALISATIONS
from bpkd_core.models import build

pytestmark = pytest.mark.e2e
HOWTO = Path(__file__).parents[2] / "docs" / "howto"
SERVER = """
python -m service.api &
python -m worker &
until curl -sf $BPKD_URL/readyz; do sleep 1; done
"""
BGR_BYTES = NORMALISATIONS["pixels from 0 to 255"].model_copy(update={"color": "bgr"})


@pytest.mark.timeout(1800)
def test_a_strangers_onnx_file_teaches(tmp_path: Path) -> None:
    # it sees BGR bytes, gives probabilities, and says "tree" by two of its classes and "sign" by none
    write_blocks(tmp_path / "my-data")
    colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES, kind="probabilities", known=(0, 1, 2, 2, 4))
    said = run(SERVER + script(HOWTO / "onnx-teacher.md"), tmp_path)
    assert "as BGR, pixels from 0 to 255" in said
    assert "The teacher does not know sign" in said
    bundle = Bundle.read(tmp_path / "run")
    assert bundle.result.teacher.arch == "onnx:theirs.onnx"
    assert "teacher.onnx" not in bundle.files
    digest = hashlib.sha256((tmp_path / "theirs.onnx").read_bytes()).hexdigest()
    assert "succeeded" in said
    assert said.count(digest) >= 3  # in the record, in its probe, in the manifest of the job


@pytest.mark.timeout(1800)
def test_an_openmmlab_checkpoint_teaches(tmp_path: Path) -> None:
    # random weights in the envelope that MMSegmentation writes
    write_blocks(tmp_path / "my-data")
    net = build("pspnet_r18", num_classes=len(CLASSES))
    torch.save({"state_dict": net.state_dict(), "meta": {"epoch": 1}}, tmp_path / "their.pth")
    said = run(script(HOWTO / "openmmlab-checkpoint.md"), tmp_path)
    assert "The teacher scores" in said
    assert Bundle.read(tmp_path / "run").result.teacher.steps is None
