"""What a job says and leaves while it runs and after: events, curves, checkpoints, pictures, files."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bpkd_core.bundle import Number
from service.schemas.base import Wire

EventType = Literal["status", "stage", "metrics", "log", "preview", "checkpoint", "warning", "done"]


class Event(Wire):
    """Something that happened to a job. seq: 1, 2, 3 ... without a gap."""

    object: Literal["event"] = "event"
    id: str
    job: str
    seq: int
    type: EventType
    at: datetime
    data: dict[str, object]


class Checkpoint(Wire):
    """A state that a training can go on from; the trainer keeps the newest two of each network."""

    object: Literal["checkpoint"] = "checkpoint"
    id: str = Field(description="of the event that told of it")
    at: datetime
    stage: str
    step: int
    sha256: str | None
    size: int | None
    newest: bool = Field(description="what a retry goes on from, as long as the worker's folder is there")


class Preview(Wire):
    """A picture of validation images that was drawn while a network trained: image, truth, prediction, errors."""

    object: Literal["preview"] = "preview"
    id: str = Field(description="of the event that told of it")
    at: datetime
    stage: str | None
    step: int | None
    sha256: str
    size: int
    url: str


class Difference(Wire):
    """One place where two jobs differ; what one of them does not have is null.

    path: `request.train.lr`, `dataset.sha256`, `code.torch`, `result.student.miou`.
    """

    path: str
    left: object
    right: object


class JobDiff(Wire):
    """Where two jobs differ, and nothing where they agree."""

    object: Literal["job_diff"] = "job_diff"
    left: str
    right: str
    differences: list[Difference]


class Metrics(Wire):
    """What a network reached after a step."""

    object: Literal["metrics"] = "metrics"
    id: str
    at: datetime
    stage: str | None
    step: int | None
    values: dict[str, Number]


class File(Wire):
    """A file to download."""

    object: Literal["file"] = "file"
    name: str
    sha256: str
    size: int
    url: str
