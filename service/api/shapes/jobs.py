"""Jobs, their events and files in the shape of the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from bpkd_core.bundle import FileInfo, Result
from bpkd_core.catalog import MODELS
from bpkd_core.spec import TrainedTeacher, teacher_train
from service import schemas
from service.api.shapes.base import W, whole
from service.api.shapes.datasets import dataset
from service.domain import datasets, events, jobs


def first(found: Sequence[events.StoredEvent], limit: int, shape: Callable[[events.StoredEvent], W]) -> schemas.List[W]:
    """The first `limit` events of those found; one more says that there are more."""
    shown = found[:limit]
    return whole([shape(each) for each in shown], [each.id for each in shown], has_more=len(found) > limit)


def job(value: jobs.Job) -> schemas.Job:
    """A job with everything that is known of it."""
    return schemas.Job(
        id=value.id,
        name=value.name,
        status=value.status,
        cancel_requested=value.cancel_requested,
        dataset=value.dataset_id,
        stage=value.stage,
        stages=[schemas.JobStage.model_validate(asdict(stage)) for stage in value.stages],
        progress=schemas.JobProgress.model_validate(asdict(value.progress)) if value.progress else None,
        latest=dict(value.latest),
        best=dict(value.best),
        attempt=value.attempt,
        worker=value.worker,
        error=schemas.Failure.model_validate(value.error) if value.error else None,
        result=Result.model_validate(value.result) if value.result else None,
        model=value.model,
        version=value.version,
        request=dict(value.request),
        created_at=value.created_at,
        started_at=value.started_at,
        finished_at=value.finished_at,
        metadata=dict(value.metadata),
    )


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


def files(found: Mapping[str, FileInfo], folder: str) -> schemas.List[schemas.File]:
    """Files of a job, by name. folder: the URL that they lie under."""
    names = sorted(found)
    data = [
        schemas.File(name=name, sha256=found[name].sha256, size=found[name].size, url=f"{folder}/{name}")
        for name in names
    ]
    return whole(data, names)


def plan(request: schemas.JobRequest, found: datasets.Dataset) -> schemas.JobPlan:
    """What a job would train, and on what."""
    chosen = request.budget_minutes is not None
    student_steps = None if chosen else request.train.steps
    networks: list[schemas.PlannedNetwork] = []
    if isinstance(request.teacher, TrainedTeacher):
        teacher_steps = None if chosen else teacher_train(request.teacher, request.train).steps
        networks.append(_planned("teacher", request.teacher.arch, teacher_steps))
    if request.control == "full":
        networks.append(_planned("control", request.student.arch, student_steps))
    networks.append(_planned("student", request.student.arch, student_steps))
    return schemas.JobPlan(
        request=request.model_dump(mode="json", by_alias=True),
        dataset=dataset(found),
        networks=networks,
        budget_minutes=request.budget_minutes,
    )


def _planned(role: schemas.Role, arch: str, steps: int | None) -> schemas.PlannedNetwork:
    known = MODELS.get(arch)
    return schemas.PlannedNetwork(
        role=role,
        arch=arch,
        steps=steps,
        params_m=known.params_m if known else None,
        gmacs=known.gmacs if known else None,
    )
