"""Models, versions, aliases, predictions and the catalogue on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.spec import (
    Section,
)
from service.schemas.base import Name, Reason, Sha256, Wire


class AliasRequest(Section):
    """Point an alias at a version."""

    version: int = Field(ge=1, lt=2**31)
    reason: Reason | None = None


class RollbackRequest(Section):
    """Point an alias back at the version that was live before."""

    reason: Reason | None = None


class ImportRequest(Section):
    """A student that came from elsewhere: a path inside the server's import roots, or a file that was uploaded.

    sha256: of the file that was sent to `/v1/uploads/{sha256}/content`. classes: of a file that does not name them in
    its metadata. alias_on_success: moved to the new version.
    """

    path: str | None = Field(default=None, min_length=1, max_length=4096)
    sha256: Sha256 | None = None
    classes: list[ClassInfo] | None = Field(default=None, min_length=1, max_length=65_535)
    alias_on_success: Name | None = None

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        if (self.path is None) == (self.sha256 is None):
            raise ValueError("expected either path or sha256, which say where the file is")
        return self


class Model(Wire):
    """A name under which versions are published. aliases: alias -> version.

    latest_version: the highest number that was given; that version may have been deleted.
    """

    object: Literal["model"] = "model"
    name: str
    latest_version: int
    aliases: dict[str, int]
    created_at: datetime


class GateOutcome(Wire):
    """One gate of a job. least: what it asked for. measured: on the student's ONNX file; null where undefined."""

    name: str
    least: float
    measured: float | None
    passed: bool


class Version(Wire):
    """One published network; it never changes. job, dataset_sha256: null for a file that came from elsewhere."""

    object: Literal["model_version"] = "model_version"
    model: str
    version: int
    job: str | None
    dataset_sha256: str | None
    onnx: FileInfo
    files: dict[str, FileInfo]
    classes: list[ClassInfo]
    provenance: dict[str, str]
    gates: list[GateOutcome] = Field(default_factory=list[GateOutcome])
    created_at: datetime
    created_by: str | None = None


class Alias(Wire):
    """A name that points to a version. revision: the ETag, one more with each move."""

    object: Literal["alias"] = "alias"
    model: str
    alias: str
    version: int
    revision: int
    moved_at: datetime
    moved_by: str | None


class AliasMove(Wire):
    """One line of an alias's history."""

    object: Literal["alias_move"] = "alias_move"
    model: str
    alias: str
    revision: int
    kind: Literal["promote", "rollback", "remove"]
    from_version: int | None
    to_version: int | None
    at: datetime
    by: str | None
    reason: str | None


class ClassArea(Wire):
    """Where one class is in a mask. rle: COCO's compressed run lengths."""

    id: int
    name: str
    pixels: int
    fraction: float
    rle: str


class Prediction(Wire):
    """A mask in words. classes: those that are present."""

    object: Literal["prediction"] = "prediction"
    id: str
    model: str
    version: int
    height: int
    width: int
    classes: list[ClassArea]


class Lineage(Wire):
    """Who made a mask, read from its prediction's id. request_id: null where the caller had named its request.

    dataset_sha256, teacher_sha256, job: of the version's training; null for a file that came from elsewhere.
    """

    object: Literal["lineage"] = "lineage"
    id: str
    at: datetime
    request_id: str | None
    model: str
    version: int
    onnx_sha256: str
    job: str | None
    dataset_sha256: str | None
    teacher_sha256: str | None


class CatalogStudent(Wire):
    """A network that can be named in a job. For 19 classes; gmacs: multiply-adds of one 360x480 image, in 10^9."""

    object: Literal["student"] = "student"
    name: str
    title: str
    paper: str
    licence: str
    stride: int | None
    params_m: float | None
    gmacs: float | None
