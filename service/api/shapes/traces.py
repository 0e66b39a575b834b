"""What jobs say and leave, in the shape of the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from bpkd_core.bundle import FileInfo
from service import schemas
from service.api.shapes.base import W, whole
from service.domain import events
from service.domain.comparison import Difference


def first(found: Sequence[events.StoredEvent], limit: int, shape: Callable[[events.StoredEvent], W]) -> schemas.List[W]:
    """The first `limit` events of those found; one more says that there are more."""
    shown = found[:limit]
    return whole([shape(each) for each in shown], [each.id for each in shown], has_more=len(found) > limit)


def event(value: events.StoredEvent) -> schemas.Event:
    """One event of a job."""
    return schemas.Event(
        id=value.id, job=value.job_id, seq=value.seq, type=value.type, at=value.at, data=dict(value.data)
    )


def metrics(value: events.StoredEvent) -> schemas.Metrics:
    """A `metrics` event as a row of a table."""
    values = value.data.get("values", {})
    return schemas.Metrics(
        id=value.id, at=value.at, stage=value.data.get("stage"), step=value.data.get("step"), values=values
    )


def checkpoints(found: Sequence[events.StoredEvent]) -> schemas.List[schemas.Checkpoint]:
    """Every `checkpoint` event, in order; the last is what a training would go on from."""
    shown = [checkpoint(each, newest=each is found[-1]) for each in found]
    return whole(shown, [each.id for each in found])


def checkpoint(value: events.StoredEvent, *, newest: bool) -> schemas.Checkpoint:
    """A state that a training can go on from."""
    data = value.data
    return schemas.Checkpoint(
        id=value.id,
        at=value.at,
        stage=str(data.get("stage")),
        step=data.get("step", 0),
        sha256=data.get("sha256"),
        size=data.get("size"),
        newest=newest,
    )


def preview(value: events.StoredEvent) -> schemas.Preview:
    """A picture that the trainer drew."""
    data = value.data
    return schemas.Preview(
        id=value.id,
        at=value.at,
        stage=data.get("stage"),
        step=data.get("step"),
        sha256=data["sha256"],
        size=data["size"],
        url=f"/v1/jobs/{value.job_id}/previews/{value.id}",
    )


def job_diff(left: str, right: str, found: Sequence[Difference]) -> schemas.JobDiff:
    """Where two jobs differ."""
    shown = [schemas.Difference.model_validate(asdict(each)) for each in found]
    return schemas.JobDiff(left=left, right=right, differences=shown)


def files(found: Mapping[str, FileInfo], folder: str) -> schemas.List[schemas.File]:
    """Files of a job, by name. folder: the URL that they lie under."""
    names = sorted(found)
    data = [
        schemas.File(name=name, sha256=found[name].sha256, size=found[name].size, url=f"{folder}/{name}")
        for name in names
    ]
    return whole(data, names)
