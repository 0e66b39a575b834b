"""Jobs: submitted, looked at, called off."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.context import Here, Paging
from service.api.imports import with_files
from service.domain import submission
from service.domain.ports import JobFilter

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "",
    operation_id="jobs_create",
    status_code=201,
    response_model=schemas.Job,
    responses={200: {"model": schemas.JobPlan, "description": "The plan, for a dry run"}},
)
def create(
    body: schemas.JobRequest,
    request: Request,
    here: Here,
    me: Me,
    key: idempotency.Key = None,
    dry_run: Annotated[bool, Query(description="check and plan the job, and store nothing")] = False,
) -> Response:
    """Submit a distillation. The dataset must be ready, and the files that are named inside the import roots."""
    service = here.service
    dataset = service.datasets.get(body.dataset)
    body = with_files(body, service.settings.import_roots)
    wanted = body.model_dump(mode="json", by_alias=True)
    draft = submission.draft_job(wanted, dataset, job_id=service.new_id("job"), now=service.now(), created_by=me.id)
    if dry_run:
        return shapes.answer(shapes.plan(body, dataset))
    job = submission.submit(service.jobs, service.hints, draft, once=idempotency.once(request, me, key, body))
    return idempotency.created(shapes.job(job), f"{router.prefix}/{job.id}", replayed=job.id != draft.id)


@router.get("", operation_id="jobs_list")
def listing(
    here: Here,
    page: Paging,
    status: schemas.JobStatus | None = None,
    dataset: Annotated[str | None, Query(max_length=100)] = None,
    model: Annotated[str | None, Query(max_length=100)] = None,
) -> schemas.List[schemas.Job]:
    """Jobs, the newest first."""
    where = JobFilter(status=status, dataset_id=dataset, model=model)
    return shapes.listing(here.service.jobs.list(page, where), shapes.job, lambda each: each.id)


@router.get("/{job_id}", operation_id="jobs_get")
def get(job_id: str, here: Here) -> schemas.Job:
    """One job and where it stands."""
    return shapes.job(here.service.jobs.get(job_id))


@router.post("/{job_id}/cancel", operation_id="jobs_cancel", response_model=schemas.Job)
def cancel(job_id: str, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Wish a job to stop: at once when it is queued, with its next heartbeat when it runs. Safe to repeat."""
    promise = idempotency.once(request, me, key)
    return idempotency.answer_once(
        here.service.idempotency, promise, lambda: shapes.job(submission.cancel(here.service.jobs, job_id))
    )
