"""Models, versions, aliases, predictions and the catalogue on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.spec import (
    Section,
)
from service.schemas.base import Reason, Wire


class AliasRequest(Section):
    """Point an alias at a version."""

    version: int = Field(ge=1, lt=2**31)
    reason: Reason | None = None


class RollbackRequest(Section):
    """Point an alias back at the version that was live before."""

    reason: Reason | None = None


class Model(Wire):
    """A name under which versions are published. aliases: alias -> version."""

    object: Literal["model"] = "model"
    name: str
    latest_version: int
    aliases: dict[str, int]
    created_at: datetime


class Version(Wire):
    """One published network; it never changes."""

    object: Literal["model_version"] = "model_version"
    model: str
    version: int
    job: str
    dataset_sha256: str
    onnx: FileInfo
    files: dict[str, FileInfo]
    classes: list[ClassInfo]
    provenance: dict[str, str]
    created_at: datetime


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
    kind: Literal["promote", "rollback"]
    from_version: int | None
    to_version: int
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
