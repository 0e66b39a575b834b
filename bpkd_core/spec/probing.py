"""What a teacher is tried on, without a run around it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bpkd_core.spec import LayoutName
from bpkd_core.spec.networks import CheckpointTeacher, OnnxTeacher
from bpkd_core.spec.section import Section


class ProbeSpec(Section):
    """A teacher's file and labelled images. timeout_s: for all that is done with a file that nobody knows."""

    dataset: Path
    layout: LayoutName = "auto"
    split: Literal["train", "val", "test"] = "val"
    teacher: Annotated[CheckpointTeacher | OnnxTeacher, Field(discriminator="type")]
    timeout_s: float = Field(default=600.0, gt=0, le=86_400)
