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

DatasetState = Literal["uploading", "validating", "ready", "refused"]
DatasetId = Annotated[str, StringConstraints(pattern=r"^ds_[0-9a-z]{26}$")]


class DatasetRequest(Section):
    """Register a folder that the server can read, or make a dataset that waits for its content.

    Validation starts by itself: at once, or with the last byte of the content.
    """

    name: Label
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="a folder inside one of the server's import roots; null: the content will be uploaded"
    )
    layout: LayoutName = Field(default="auto", description="how its files are arranged; auto finds it")
    labels: LabelSource = Field(
        default="dataset", description="what jobs will learn from; with teacher or mixed, images may lack their masks"
    )
    metadata: Metadata = Field(default_factory=dict[str, str])


class Dataset(Wire):
    """Images and masks.

    path: null where they were uploaded. splits: split -> number of images. layout, labels: as they were asked for.
    sha256: of the names and contents of all that belongs to it; files that change later are refused by their jobs.
    """

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    path: str | None
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


class DatasetFinding(Wire):
    """One kind of trouble with a dataset.

    samples: up to 20 files, relative to its root; classes where it is about classes. message: what was found and
    expected. fix: what to do.
    """

    code: str
    severity: Literal["error", "warning", "info"]
    count: int
    samples: list[str]
    message: str
    fix: str


class DatasetSplit(Wire):
    """One split as training will see it. void_share: of the pixels of its masks. labelled: images with a mask."""

    name: str
    images: int
    source: str
    void_share: float
    labelled: int = 0


class DatasetClass(Wire):
    """One class. share: split -> its part of the labelled pixels."""

    id: int
    name: str
    color: tuple[int, int, int]
    share: dict[str, float]


class DatasetReport(Wire):
    """What validation found.

    ok: no finding is an error. sizes: "WIDTHxHEIGHT" -> number of images. evaluation_split: where quality is measured.
    unlabelled: images of no split, which only a teacher can label.
    """

    object: Literal["dataset_report"] = "dataset_report"
    ok: bool
    layout: str = "auto"
    findings: list[DatasetFinding] = Field(default_factory=list[DatasetFinding])
    splits: list[DatasetSplit] = Field(default_factory=list[DatasetSplit])
    classes: list[DatasetClass] = Field(default_factory=list[DatasetClass])
    sizes: dict[str, int] = Field(default_factory=dict[str, int])
    evaluation_split: str = "val"
    sha256: str = ""
    unlabelled: int = 0


class DatasetSample(Wire):
    """A picture of one image under the colours of its mask. number: its place, from 0. url: a PNG."""

    object: Literal["dataset_sample"] = "dataset_sample"
    number: int
    name: str
    split: str
    sha256: str
    size: int
    url: str
