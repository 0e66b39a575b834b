"""What a job left behind: its files, by name."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service import schemas
from service.api import shapes
from service.api.context import Here
from service.api.downloads import BINARY, download
from service.domain.errors import NotFound
from service.domain.jobs import Job

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
MANIFEST = "manifest.json"


@router.get("/artifacts", operation_id="jobs_artifacts")
def artifacts(job_id: str, here: Here) -> schemas.List[schemas.File]:
    """The files of a job that ended: pictures, ONNX files, the manifest."""
    return shapes.files(here.service.jobs.get(job_id).files, f"/v1/jobs/{job_id}/artifacts")


@router.get("/artifacts/{name}", operation_id="jobs_artifact", response_class=Response, responses=BINARY)
def artifact(job_id: str, name: str, request: Request, here: Here) -> Response:
    """One file, whole or in part (`Range`)."""
    return _download(here.service.jobs.get(job_id), name, request, here)


@router.get("/manifest", operation_id="jobs_manifest", response_class=Response, responses=BINARY)
def manifest(job_id: str, request: Request, here: Here) -> Response:
    """Everything that is needed to run the job again: the resolved specification, versions and hashes."""
    return _download(here.service.jobs.get(job_id), MANIFEST, request, here)


def _download(job: Job, name: str, request: Request, here: Here) -> Response:
    if name not in job.files:
        known = ", ".join(sorted(job.files)) or "none"
        raise NotFound(
            f'Job {job.id} has no file "{name}"', hint=f"Files of this job: {known}. They appear when it has ended."
        )
    return download(request, here.service.artifacts, job.files[name], name)
