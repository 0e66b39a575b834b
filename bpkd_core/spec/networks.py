"""Who teaches and who is taught."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bpkd_core import catalog
from bpkd_core.spec.foreign import ClassMap, Pixels, Scores
from bpkd_core.spec.section import Section
from bpkd_core.spec.train import Train


def _known_network(name: str) -> str:
    return catalog.require("models", name)


MAX_ARCH = 200
Arch = Annotated[str, Field(max_length=MAX_ARCH, examples=["ddrnet_23_nano"]), AfterValidator(_known_network)]


HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
"""A repository of the Hugging Face hub."""

Pretrained = Annotated[
    str | None, Field(max_length=4096, description="file or hub id of weights that the backbone starts from")
]


class TrainedTeacher(Section):
    """No teacher yet: train one first, on the same dataset. `train` defaults to the student's."""

    type: Literal["train"] = "train"
    arch: Arch
    pretrained: Pretrained = None
    train: Train | None = None


class CheckpointTeacher(Section):
    """A network of the catalog with weights from a safetensors file or a plain state dict."""

    type: Literal["checkpoint"] = "checkpoint"
    arch: Arch
    path: Path


class OnnxTeacher(Section):
    """Any ONNX file that scores pixels, run by onnxruntime in each step. What is "auto" is found by the probe.

    classes: the file's class index -> the dataset's class, by id or name. Classes of the file that are left out are not
    looked at, and several that become one are added up (logsumexp). The student learns a class of the dataset that no
    class of the file becomes from the labels alone.
    """

    type: Literal["onnx"] = "onnx"
    path: Path
    input: Literal["auto"] | Pixels = "auto"
    output: Literal["auto"] | Scores = "auto"
    classes: Literal["auto"] | ClassMap = "auto"


Teacher = Annotated[TrainedTeacher | CheckpointTeacher | OnnxTeacher, Field(discriminator="type")]


class Student(Section):
    """The network to be trained, by its name in the catalog."""

    type: Literal["arch"] = "arch"
    arch: Arch
    pretrained: Pretrained = None
