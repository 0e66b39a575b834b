"""How work comes in, and how it is called off. The record first; the hint after, because it may be lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpkd_core.errors import InvalidDataset, InvalidInput
from service.domain import lifecycle
from service.domain.datasets import Dataset
from service.domain.errors import Conflict
from service.domain.idempotency import Once
from service.domain.jobs import Job
from service.domain.ports import Datasets, Hints, Jobs, Teachers
from service.domain.webhooks import Webhook


def draft_job(
    request: Mapping[str, Any],
    dataset: Dataset,
    *,
    job_id: str,
    now: datetime,
    created_by: str | None = None,
) -> Job:
    """A job as it will be queued, tied to the dataset's files as they were validated.

    request: the validated request as JSON, with `name` and `metadata`. Raises InvalidDataset (with the report) for a
    refused dataset and for masks that are missing and would be needed, Conflict for one that is not validated yet, and
    InvalidInput where other files were asked for.
    """
    require_ready(dataset)
    if request.get("labels", "dataset") == "dataset" and dataset.lacks_masks:
        raise InvalidDataset(
            f"Dataset {dataset.id} was checked for labels: {dataset.labels} and has images whose masks are missing or "
            "were not read; expected a job with labels: mixed or teacher",
            param="labels",
            hint="Send labels: mixed or teacher, or register the folder again with labels: dataset.",
        )
    if request.get("dataset_sha256") not in (None, dataset.sha256):
        raise InvalidInput(
            f"Dataset {dataset.id} has the sha256 {dataset.sha256}; expected {request['dataset_sha256']}, as asked for",
            param="dataset_sha256",
            hint="Name the dataset that holds these files, or leave dataset_sha256 out.",
        )
    return Job(
        id=job_id,
        name=request["name"],
        request={**request, "dataset_sha256": dataset.sha256},
        dataset_id=dataset.id,
        created_at=now,
        created_by=created_by,
        metadata=request.get("metadata", {}),
        priority=request.get("priority", 0),
        teacher_id=request.get("teacher", {}).get("id"),
    )


def draft_retry(job: Job, *, job_id: str, now: datetime, created_by: str | None = None) -> Job:
    """A new job with the request of one that failed or was cancelled, which goes on from its newest checkpoint.

    Raises Conflict for a job that runs, waits, or has succeeded.
    """
    if not job.retryable:
        raise Conflict(
            f"Job {job.id} is {job.status}; expected one that failed or was cancelled",
            hint='Send {"from_manifest": "' + job.id + '"} to /v1/jobs to run it again from its first step.',
        )
    return Job(
        id=job_id,
        name=job.name,
        request=job.request,
        dataset_id=job.dataset_id,
        created_at=now,
        created_by=created_by,
        metadata=job.metadata,
        priority=job.priority,
        teacher_id=job.teacher_id,
        retry_of=job.id,
    )


def require_ready(dataset: Dataset) -> None:
    """Raise InvalidDataset (with the report) for a refused dataset, and Conflict for one that is not validated yet."""
    if dataset.state == "refused":
        report = dict(dataset.report) if dataset.report is not None else None
        raise InvalidDataset(
            f"Dataset {dataset.id} was refused by its validation; expected one that is ready",
            report=report,
            param="dataset",
            hint=f"See /v1/datasets/{dataset.id}/report, mend the files and register them again.",
        )
    if dataset.state != "ready":
        doing = "waits for its content" if dataset.state == "uploading" else "is still being validated"
        raise Conflict(
            f"Dataset {dataset.id} {doing}; expected one that is ready",
            param="dataset",
            hint=f"Ask for /v1/datasets/{dataset.id} until its state is ready.",
        )


def submit(jobs: Jobs, hints: Hints, job: Job, *, once: Once | None = None, webhooks: Sequence[Webhook] = ()) -> Job:
    """Queue a drafted job, and the webhooks that are its own.

    With a repeated key the earlier job comes back, told by its other id.
    """
    stored = jobs.add(job, once=once, webhooks=webhooks)
    hints.hint("job")
    return stored


def register(datasets: Datasets, hints: Hints, dataset: Dataset, *, once: Once | None = None) -> Dataset:
    """Store a dataset; its validation starts by itself. `once` as in :func:`submit`."""
    stored = datasets.add(dataset, once=once)
    hints.hint("dataset")
    return stored


def cancel(jobs: Jobs, job_id: str) -> Job:
    """Wish a job to stop. A queued job is cancelled at once, a running one soon; an ended one stays as it is."""
    return jobs.change(job_id, lifecycle.cancel, fence=None)


def reap(jobs: Jobs, datasets: Datasets, teachers: Teachers, hints: Hints) -> list[str]:
    """Take back what dead workers held, and hint for what is queued again. Returns the ids of all that moved."""
    moved_jobs, moved_datasets, moved_teachers = jobs.reap(), datasets.reap(), teachers.reap()
    if any(job.status == "queued" for job in moved_jobs):
        hints.hint("job")
    if any(dataset.state == "validating" for dataset in moved_datasets):
        hints.hint("dataset")
    if any(teacher.waits for teacher in moved_teachers):
        hints.hint("teacher")
    return [record.id for record in (*moved_jobs, *moved_datasets, *moved_teachers)]
