"""The domain's values in the shape of the wire. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

from starlette.responses import Response

from bpkd_core.bundle import FileInfo, Result
from bpkd_core.catalog import MODELS, Plugin
from bpkd_core.spec import TrainedTeacher, teacher_train
from service import schemas
from service.domain import datasets, events, jobs, models, workers
from service.domain.ports import Listing

V = TypeVar("V")
W = TypeVar("W", bound=schemas.Wire)


def answer(body: schemas.Wire, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A shape as a response."""
    return Response(body.model_dump_json(by_alias=True), status, headers, media_type="application/json")


def listing(found: Listing[V], shape: Callable[[V], W], name: Callable[[V], str]) -> schemas.List[W]:
    """One page. name: what `after` takes."""
    return whole([shape(each) for each in found.data], [name(each) for each in found.data], has_more=found.has_more)


def whole(data: Sequence[W], names: Sequence[str], *, has_more: bool = False) -> schemas.List[W]:
    """A list with the names of its ends."""
    first, last = (names[0], names[-1]) if names else (None, None)
    return schemas.List(data=list(data), has_more=has_more, first_id=first, last_id=last)


def first(found: Sequence[events.StoredEvent], limit: int, shape: Callable[[events.StoredEvent], W]) -> schemas.List[W]:
    """The first `limit` events of those found; one more says that there are more."""
    shown = found[:limit]
    return whole([shape(each) for each in shown], [each.id for each in shown], has_more=len(found) > limit)


def dataset(value: datasets.Dataset) -> schemas.Dataset:
    """A dataset without its report."""
    return schemas.Dataset(
        id=value.id,
        name=value.name,
        path=value.path,
        layout=value.layout,
        labels=value.labels,
        state=value.state,
        sha256=value.sha256,
        classes=list(value.classes),
        splits=dict(value.splits),
        error=schemas.Failure.model_validate(value.error) if value.error else None,
        created_at=value.created_at,
        checked_at=value.checked_at,
        metadata=dict(value.metadata),
    )


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


def model(value: models.Model, aliases: Sequence[models.Alias]) -> schemas.Model:
    """A model and where its aliases point."""
    return schemas.Model(
        name=value.name,
        latest_version=value.latest,
        aliases={each.alias: each.version for each in aliases},
        created_at=value.created_at,
    )


def version(value: models.Version) -> schemas.Version:
    """One version; its measurements are at `/report`."""
    return schemas.Version(
        model=value.model,
        version=value.version,
        job=value.job_id,
        dataset_sha256=value.dataset_sha256,
        onnx=value.files["student.onnx"],
        files=dict(value.files),
        classes=list(value.classes),
        provenance=dict(value.provenance),
        created_at=value.created_at,
    )


def alias(value: models.Alias) -> schemas.Alias:
    """Where an alias points."""
    return schemas.Alias.model_validate(asdict(value))


def move(value: models.AliasMove) -> schemas.AliasMove:
    """One line of an alias's history."""
    return schemas.AliasMove.model_validate(asdict(value))


def worker(value: workers.Worker) -> schemas.Worker:
    """A process that works."""
    return schemas.Worker.model_validate(asdict(value) | {"holds": list(value.holds)})


def student(name: str) -> schemas.CatalogStudent:
    """A network by its name in the catalog; of one from another package only the name is known."""
    plugin = MODELS.get(name, Plugin(target="", title=name, licence="see its package"))
    return schemas.CatalogStudent(
        name=name,
        title=plugin.title,
        paper=plugin.paper,
        licence=plugin.licence,
        stride=plugin.stride,
        params_m=plugin.params_m,
        gmacs=plugin.gmacs,
    )


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
