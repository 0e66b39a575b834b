"""The recipe where the method asks no teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.specks import HEIGHT, WIDTH, speck_spec

from bpkd_core.data import FolderDataset
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.training import train_network
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import parse_spec


@pytest.mark.usefixtures("specks")
def test_without_a_method_no_step_pays_for_a_teacher(tmp_path: Path, scenes: Path) -> None:
    """A teacher of 66 M parameters beside a small student is most of a step: here its weights do not even exist."""
    spec = parse_spec(speck_spec(scenes, method={"type": "none"}, control="none"))
    prepared = Prepared(
        spec=spec,
        dataset_sha256="",
        classes=list(FolderDataset(scenes, "train").classes),
        class_shares=[1 / 11] * 11,
        split="test",
        image_hw=(HEIGHT, WIDTH),
        images=2,
        step_seconds={"student": 0.1},
        steps={"student": 2},
        threads=1,
    )
    shop = Workshop(spec, tmp_path, emit=lambda _: None, stop=lambda: False)
    trained = train_network(shop, "student", prepared)
    assert trained.steps == 2
    assert not (tmp_path / "networks" / "teacher.safetensors").exists()
