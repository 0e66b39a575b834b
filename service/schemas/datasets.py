"""Datasets on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bpkd_core.bundle import ClassInfo
from bpkd_core.spec import (
    LabelSource,
    LayoutName,
    Section,
)
from service.schemas.base import Failure, Label, Metadata, Wire

DatasetState = Literal["validating", "ready", "refused"]
DatasetId = Annotated[str, StringConstraints(pattern=r"^ds_[0-9a-z]{26}$")]


class DatasetRequest(Section):
    """Register a folder that the server can read; validation starts by itself."""

    name: Label
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = Field(
        description="a folder inside one of the server's import roots"
    )
    layout: LayoutName = Field(default="auto", description="how its files are arranged; auto finds it")
    labels: LabelSource = Field(
        default="dataset", description="what jobs will learn from; with teacher or mixed, images may lack their masks"
    )
    metadata: Metadata = Field(default_factory=dict[str, str])


class Dataset(Wire):
    """A folder of images and masks. splits: split -> number of images. layout, labels: as they were asked for."""

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    path: str
    layout: str
    labels: LabelSource
    state: DatasetState
    sha256: str | None
    classes: list[ClassInfo]
    splits: dict[str, int]
    error: Failure | None
    created_at: datetime
    checked_at: datetime | None
    metadata: dict[str, str]
