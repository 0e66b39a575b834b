"""Where the networks of a run come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bpkd_core.models import build
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import parse_spec, read_spec

ARCH = "swiftnet_r18_nano"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    torch.manual_seed(9)
    weights = build("ddrnet_23_nano", num_classes=7).state_dict()
    save_file(weights, tmp_path / "backbone.safetensors")
    network = {"arch": "ddrnet_23_nano", "pretrained": "backbone.safetensors"}
    spec = {"dataset": "data", "student": network, "teacher": {"type": "train", **network}}
    (tmp_path / "spec.yaml").write_text(str(spec))
    return Workshop(read_spec(tmp_path / "spec.yaml"), tmp_path / "run", lambda _: None, lambda: False)


def test_control_and_student_start_alike_from_the_file_beside_the_specification(workshop: Workshop) -> None:
    """Their difference is the method's only while nothing else differs."""
    student, control = (workshop.fresh(role, 3).state_dict() for role in ("student", "control"))
    assert all(torch.equal(student[key], control[key]) for key in student)
    source = build("ddrnet_23_nano", num_classes=7, pretrained=workshop.folder.parent / "backbone.safetensors")
    backbone = {key: value for key, value in source.state_dict().items() if key.startswith("backbone.")}
    for role in ("student", "teacher"):
        started = workshop.fresh(role, 3).state_dict()
        assert all(torch.equal(started[key], value) for key, value in backbone.items())


def test_a_name_that_is_no_file_may_be_a_hub_id(tmp_path: Path) -> None:
    """So it is left as it was written."""
    data = {"student": {"arch": ARCH, "pretrained": "timm/resnet50c"}, "teacher": {"type": "train", "arch": ARCH}}
    (tmp_path / "spec.yaml").write_text(str({"dataset": "data", **data}))
    assert read_spec(tmp_path / "spec.yaml").student.pretrained == "timm/resnet50c"
    assert parse_spec({"dataset": "data", **data}).student.pretrained == "timm/resnet50c"
