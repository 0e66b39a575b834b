"""Jobs and their plans in the shape of the wire."""

from __future__ import annotations

from dataclasses import asdict

from bpkd_core.bundle import Result
from bpkd_core.catalog import MODELS
from bpkd_core.spec import TrainedTeacher, teacher_train
from service import schemas
from service.api.shapes.datasets import dataset
from service.domain import datasets, jobs
from service.domain.estimates import Estimate
from service.domain.trainings import control_steps


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
        priority=value.priority,
        retry_of=value.retry_of,
        error=schemas.JobFailure.model_validate(value.error) if value.error else None,
        result=Result.model_validate(value.result) if value.result else None,
        model=value.model,
        version=value.version,
        request=dict(value.request),
        created_at=value.created_at,
        started_at=value.started_at,
        finished_at=value.finished_at,
        metadata=dict(value.metadata),
    )


def plan(request: schemas.JobRequest, found: datasets.Dataset, expected: Estimate) -> schemas.JobPlan:
    """What a job would train, and on what, and what that will take."""
    chosen = request.budget_minutes is not None
    student_steps = None if chosen else request.train.steps
    networks: list[schemas.PlannedNetwork] = []
    if isinstance(request.teacher, TrainedTeacher):
        teacher_steps = None if chosen else teacher_train(request.teacher, request.train).steps
        networks.append(_planned("teacher", request.teacher.arch, teacher_steps))
    if request.control != "none":
        steps = student_steps and control_steps(student_steps, request.control)
        networks.append(_planned("control", request.student.arch, steps))
    networks.append(_planned("student", request.student.arch, student_steps))
    return schemas.JobPlan(
        request=request.kept(),
        dataset=dataset(found),
        networks=networks,
        budget_minutes=request.budget_minutes,
        estimate=schemas.JobEstimate.model_validate(asdict(expected)),
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
