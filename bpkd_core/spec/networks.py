"""Who teaches and who is taught."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bpkd_core import catalog
from bpkd_core.spec.section import Section
from bpkd_core.spec.train import Train


def _known_network(name: str) -> str:
    return catalog.require("models", name)


MAX_ARCH = 200
Arch = Annotated[str, Field(max_length=MAX_ARCH, examples=["ddrnet_23_nano"]), AfterValidator(_known_network)]


class TrainedTeacher(Section):
    """No teacher yet: train one first, on the same dataset. `train` defaults to the student's."""

    type: Literal["train"] = "train"
    arch: Arch
    train: Train | None = None


class CheckpointTeacher(Section):
    """A network of the catalog with weights from a safetensors file or a plain state dict."""

    type: Literal["checkpoint"] = "checkpoint"
    arch: Arch
    path: Path


Teacher = Annotated[TrainedTeacher | CheckpointTeacher, Field(discriminator="type")]


class Student(Section):
    """The network to be trained, by its name in the catalog."""

    type: Literal["arch"] = "arch"
    arch: Arch
