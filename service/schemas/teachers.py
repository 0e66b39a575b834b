"""Teachers on the wire: files that can teach, and what their probes found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from bpkd_core import catalog
from bpkd_core.bundle import ClassInfo
from bpkd_core.spec import MAX_ARCH, Arch, Pixels, Scores, Section
from bpkd_core.spec.foreign import ClassMap
from service.schemas.base import Failure, Label, Metadata, Wire
from service.schemas.datasets import DatasetId

TeacherState = Literal["uploading", "probing", "ready", "refused"]
TeacherId = Annotated[str, StringConstraints(pattern=r"^tch_[0-9a-z]{26}$")]


class OnnxFile(Section):
    """Any ONNX file that scores pixels. What is "auto" is found by the probe; what is not is checked by it.

    classes: the file's class index -> the dataset's class, by id or name.
    """

    type: Literal["onnx"] = "onnx"
    input: Literal["auto"] | Pixels = "auto"
    output: Literal["auto"] | Scores = "auto"
    classes: Literal["auto"] | ClassMap = "auto"


class CheckpointFile(Section):
    """Weights of a network of the catalog: safetensors, or a plain state dict from torch.save."""

    type: Literal["checkpoint"] = "checkpoint"
    arch: Arch


TeacherFile = Annotated[OnnxFile | CheckpointFile, Field(discriminator="type")]


class RegisteredTeacher(Section):
    """A teacher that this server has probed: see `POST /v1/teachers`."""

    type: Literal["registered"] = "registered"
    id: TeacherId


class TeacherRequest(Section):
    """Register a teacher. Its probe starts by itself as soon as its file is there.

    Without a path the file is to be sent to `PUT /v1/teachers/{id}/content`.
    """

    name: Label
    dataset: DatasetId = Field(description="on whose labelled images it is tried, and whose classes it answers in")
    file: TeacherFile = Field(default=OnnxFile(), description="what the file is, and how it is to be read")
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="a file inside one of the server's import roots, which is copied"
    )
    metadata: Metadata = Field(default_factory=dict[str, str])

    @field_validator("file", mode="before")
    @classmethod
    def _say_which(cls, value: object) -> object:
        """Name the nearest network, before the section says only that this is none."""
        match value:
            case {"arch": str(arch)} if arch.isprintable() and len(arch) <= MAX_ARCH:
                catalog.require("models", arch, param="file.arch")
            case _:
                pass
        return value


class Teacher(Wire):
    """A file that can teach. classes: what it answers in. miou: on the probe's images, if these have labels."""

    object: Literal["teacher"] = "teacher"
    id: str
    name: str
    dataset: str
    file: dict[str, object] = Field(description="as it was registered, with every default filled in")
    state: TeacherState
    sha256: str | None
    size: int | None
    classes: list[ClassInfo]
    miou: float | None
    error: Failure | None
    created_at: datetime
    checked_at: datetime | None
    metadata: dict[str, str]


class TeacherReading(Wire):
    """How a file is read. channels: for each class of the dataset the classes of the file that make it, if any."""

    input: Pixels
    output: Scores
    channels: list[list[int]]


class TeacherTrial(Wire):
    """One way to read the file. reordered: whether its classes were put into the order that fits best."""

    input: Pixels
    channels: list[list[int]]
    reordered: bool
    miou: float


class TeacherFinding(Wire):
    """One thing that the probe has to say. A teacher with an error is refused."""

    severity: Literal["error", "warning", "note"]
    code: str
    message: str


class TeacherProbe(Wire):
    """What the probe of a teacher found. parameters: the numbers that its file holds. images: on how many it was tried.

    pixels_as_they_are: the file takes uint8. miou: null where nothing was compared.
    """

    object: Literal["teacher_probe"] = "teacher_probe"
    teacher: str
    sha256: str
    parameters: int
    pixels_as_they_are: bool
    images: int
    miou: float | None
    reading: TeacherReading
    trials: list[TeacherTrial]
    findings: list[TeacherFinding]
