"""What a job leaves: its files, its log, its checkpoints, the pictures that were drawn while it trained."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from bpkd_core.bundle import FileInfo
from service import schemas
from service.api import shapes
from service.api.context import Here
from service.api.downloads import BINARY, download
from service.api.job_logs import full_log, live_log
from service.api.repeats import MANIFEST
from service.api.routes.job_events import Cursor, Limit, seq_of
from service.domain import logs as job_logs
from service.domain.errors import NotFound
from service.domain.jobs import Job

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    206: BINARY[206],
    304: BINARY[304],
}
Tail = Annotated[int | None, Query(ge=1, le=100_000, description="only so many lines of the end")]


@router.get("/artifacts", operation_id="jobs_artifacts")
def artifacts(job_id: str, here: Here) -> schemas.List[schemas.File]:
    """The files of a job that ended: pictures, ONNX files, logs, the manifest."""
    return shapes.files(here.service.jobs.get(job_id).files, f"/v1/jobs/{job_id}/artifacts")


@router.get("/artifacts/{name}", operation_id="jobs_artifact", response_class=Response, responses=BINARY)
def artifact(job_id: str, name: str, request: Request, here: Here) -> Response:
    """One file, whole or in part (`Range`)."""
    return _download(here.service.jobs.get(job_id), name, request, here)


@router.get("/manifest", operation_id="jobs_manifest", response_class=Response, responses=BINARY)
def manifest(job_id: str, request: Request, here: Here) -> Response:
    """Everything that is needed to run the job again: the resolved specification, versions and hashes."""
    return _download(here.service.jobs.get(job_id), MANIFEST, request, here)


@router.get("/logs", operation_id="jobs_logs", response_class=Response, responses=TEXT)
def logs(job_id: str, request: Request, here: Here, tail: Tail = None) -> Response:
    """The log as text: stages, messages, warnings and, once an attempt is over, its standard error.

    While the job runs it ends with what was heard last; of a job that ended it is a file, whole or in part (`Range`).
    """
    job = here.service.jobs.get(job_id)
    if job_logs.FILE not in job.files:
        return live_log(here.service.events, job, tail)
    if tail is None:
        return _download(job, job_logs.FILE, request, here)
    return full_log(here.service.artifacts, job.files[job_logs.FILE], tail)


@router.get("/checkpoints", operation_id="jobs_checkpoints")
def checkpoints(job_id: str, here: Here) -> schemas.List[schemas.Checkpoint]:
    """The newest hundred checkpoints, oldest first. The best weights of a job that ended are among its artifacts."""
    here.service.jobs.get(job_id)
    return shapes.checkpoints(here.service.events.newest(job_id, limit=100, types=("checkpoint",)))


@router.get("/previews", operation_id="jobs_previews")
def previews(job_id: str, here: Here, limit: Limit = 100, after: Cursor = None) -> schemas.List[schemas.Preview]:
    """Pictures of the same few validation images, one for each evaluation, oldest first."""
    here.service.jobs.get(job_id)
    found = here.service.events.after(job_id, seq_of(job_id, after), limit=limit + 1, types=("preview",))
    return shapes.first(found, limit, shapes.preview)


@router.get(
    "/previews/{preview_id}",
    operation_id="jobs_preview",
    response_class=Response,
    responses={**BINARY, 200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def preview(job_id: str, preview_id: str, request: Request, here: Here) -> Response:
    """One picture, as PNG."""
    here.service.jobs.get(job_id)
    number = seq_of(job_id, preview_id, param="preview_id")
    for event in here.service.events.after(job_id, number - 1, limit=1, types=("preview",)):
        if event.seq == number:
            info = FileInfo(sha256=event.data["sha256"], size=event.data["size"])
            return download(request, here.service.artifacts, info, f"{preview_id}.png")
    raise NotFound(f'Job {job_id} has no preview "{preview_id}"', hint=f"See /v1/jobs/{job_id}/previews.")


def _download(job: Job, name: str, request: Request, here: Here) -> Response:
    if name not in job.files:
        known = ", ".join(sorted(job.files)) or "none"
        raise NotFound(
            f'Job {job.id} has no file "{name}"', hint=f"Files of this job: {known}. They appear when it has ended."
        )
    return download(request, here.service.artifacts, job.files[name], name)
