"""The how-to pages on datasets and recipes, typed as they stand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from blocks import script
from fakes.layouts import write_cvat
from PIL import Image
from safetensors.torch import save_file
from test_docs_blocks import REAL_SERVER, run

from bpkd_core.bundle import Bundle
from bpkd_core.data import write_scenes
from bpkd_core.data.scenes import CLASSES
from bpkd_core.models import build
from bpkd_core.spec import read_spec

pytestmark = pytest.mark.e2e
HOWTO = Path(__file__).parents[2] / "docs" / "howto"


def test_masks_of_ones_own_pass_the_check(tmp_path: Path) -> None:
    # an export of CVAT, and a heap of photographs with drawn masks
    write_cvat(tmp_path / "annotations")
    for number in range(4):
        leave_picture(tmp_path, f"leaf_{number}", number)
    said = run(REAL_SERVER + script(HOWTO / "your-own-masks.md"), tmp_path)
    assert said.count("Ready for training.") == 5
    assert list((tmp_path / "pictures").glob("*.png"))
    assert json.loads((tmp_path / "report.json").read_text())["layout"] == "cvat"


@pytest.mark.timeout(1800)
def test_a_student_is_trained_on_photographs_alone(tmp_path: Path) -> None:
    # the run is real; its teacher knows nothing, which here nobody can tell
    write_scenes(tmp_path / "labelled", train=4, val=2, test=2, height=64, width=96)
    shutil.copytree(tmp_path / "labelled" / "images" / "train", tmp_path / "photographs")
    shutil.copy(tmp_path / "labelled" / "classes.json", tmp_path)
    torch.manual_seed(0)
    teacher = build("swiftnet_r18_slim", num_classes=len(CLASSES)).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in teacher.items()}, tmp_path / "teacher.safetensors")
    said = run(REAL_SERVER + script(HOWTO / "label-free.md"), tmp_path)
    assert "agreement with the teacher, not accuracy" in " ".join(said.split())
    assert Bundle.read(tmp_path / "alone").result.reference == "teacher"
    assert said.count("Ready for training.") == 2
    assert read_spec(tmp_path / "mixed.yaml").labels == "mixed"


def test_presets_come_to_what_the_page_says(tmp_path: Path) -> None:
    # the first is asserted on the page itself
    run(script(HOWTO / "presets.md"), tmp_path)
    plan = read_spec(tmp_path / "segformer.yaml").train
    assert (plan.optimizer, plan.crop, plan.resize) == ("adamw", (512, 512), (2048, 512))


def leave_picture(folder: Path, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for place in ("photographs", "drawn"):
        (folder / place).mkdir(exist_ok=True)
    image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(image).save(folder / "photographs" / f"{name}.jpg")
    Image.fromarray((image[..., 1] > 127).astype(np.uint8)).save(folder / "drawn" / f"{name}.png")
