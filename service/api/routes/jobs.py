"""Jobs: submitted, looked at, called off, gone on with, compared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service import schemas
from service.api import idempotency, shapes, subscriptions
from service.api.auth import Me
from service.api.context import Here, Paging
from service.api.filters import Where
from service.api.imports import with_files
from service.api.repeats import Submission, manifest_of, resolve
from service.domain import comparison, enrolment, estimates, submission
from service.domain.errors import NotFound
from service.domain.jobs import Job
from service.domain.ports import Jobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "",
    operation_id="jobs_create",
    status_code=201,
    response_model=schemas.Job,
    responses={200: {"model": schemas.JobPlan, "description": "The plan, for a dry run"}},
)
def create(
    body: Submission,
    request: Request,
    here: Here,
    me: Me,
    key: idempotency.Key = None,
    dry_run: Annotated[bool, Query(description="check and plan the job, and store nothing")] = False,
) -> Response:
    """Submit a distillation, or have one run again (`from_manifest`).

    The dataset must be ready, and the files that are named inside the import roots.
    """
    service = here.service
    body = with_files(resolve(service, body), service.settings.import_roots)
    dataset = service.datasets.get(body.dataset)
    wanted = body.kept()
    draft = submission.draft_job(wanted, dataset, job_id=service.new_id("job"), now=service.now(), created_by=me.id)
    enrolment.require_teacher(service.teachers, wanted, dataset)
    hooks = subscriptions.webhooks_of(service, body.webhooks, draft)
    if dry_run:
        return shapes.answer(shapes.plan(body, dataset, estimates.foresee(service.jobs, draft, service.now())))
    once = idempotency.once(request, me, key, body)
    job = submission.submit(service.jobs, service.hints, draft, once=once, webhooks=hooks)
    return idempotency.created(shapes.job(job), f"{router.prefix}/{job.id}", replayed=job.id != draft.id)


@router.get("", operation_id="jobs_list")
def listing(here: Here, page: Paging, where: Where) -> schemas.List[schemas.Job]:
    """Jobs, the newest first."""
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


@router.post("/{job_id}/retry", operation_id="jobs_retry", status_code=201, response_model=schemas.Job)
def retry(job_id: str, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Go on with a job that failed or was cancelled: a new job, from the newest checkpoint of that one."""
    service, job = here.service, here.service.jobs.get(job_id)
    draft = submission.draft_retry(job, job_id=service.new_id("job"), now=service.now(), created_by=me.id)
    once, hooks = idempotency.once(request, me, key), subscriptions.carried_on(service, draft)
    again = submission.submit(service.jobs, service.hints, draft, once=once, webhooks=hooks)
    return idempotency.created(shapes.job(again), f"{router.prefix}/{again.id}", replayed=again.id != draft.id)


@router.get("/{job_id}/diff", operation_id="jobs_diff")
def diff(
    job_id: str, here: Here, other: Annotated[str, Query(max_length=100, description="the job to compare with")]
) -> schemas.JobDiff:
    """Where two jobs differ: request, data, versions of the code, results."""
    service = here.service
    left, right = service.jobs.get(job_id), _other(service.jobs, other)
    described = [comparison.describe(job, manifest_of(job, service.artifacts)) for job in (left, right)]
    return shapes.job_diff(left.id, right.id, comparison.differences(*described))


def _other(jobs: Jobs, job_id: str) -> Job:
    """The job that a query names. Raises NotFound that blames the query, not the path."""
    try:
        return jobs.get(job_id)
    except NotFound as error:
        raise NotFound(error.message, param="other") from error
