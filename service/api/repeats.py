"""What a request to run a job again stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Discriminator, Tag

from bpkd_core.errors import BpkdError, InvalidInput
from bpkd_core.spec import parse
from service import schemas
from service.domain import repetition
from service.domain.errors import NotFound
from service.domain.jobs import Job
from service.domain.ports import Artifacts
from service.wiring import Service

MANIFEST = "manifest.json"


def _kind(body: object) -> str:
    repeats = isinstance(body, Mapping) and "from_manifest" in cast("Mapping[str, Any]", body)
    return REPEAT if repeats or isinstance(body, schemas.RepeatRequest) else JOB


JOB, REPEAT = "<job>", "<repeat>"  # no field can be called so: see service/api/errors.py
Submission = Annotated[
    Annotated[schemas.JobRequest, Tag(JOB)] | Annotated[schemas.RepeatRequest, Tag(REPEAT)], Discriminator(_kind)
]
"""The body of a submission: a whole request, or one that names what to run again."""


def manifest_of(job: Job, artifacts: Artifacts) -> Mapping[str, Any] | None:
    """What a run wrote down of itself; None for a job that has not come so far."""
    if MANIFEST not in job.files:
        return None
    try:
        return json.loads(artifacts.path(job.files[MANIFEST].sha256).read_bytes())
    except ValueError:
        return None


def resolve(service: Service, body: schemas.JobRequest | schemas.RepeatRequest) -> schemas.JobRequest:
    """The whole request. Raises InvalidInput for a manifest that is none, and for data that has changed since."""
    if isinstance(body, schemas.JobRequest):
        return body
    given = body.from_manifest
    if isinstance(given, str):
        job = service.jobs.get(given)
        wanted = repetition.request_of(job, manifest_of(job, service.artifacts))
    else:
        wanted = repetition.request_from(given)
    replaced = body.model_dump(mode="json", by_alias=True, exclude={"from_manifest"}, exclude_none=True)
    request = _parsed({**wanted, **replaced})
    return _on_the_same_data(service, request)


def _parsed(request: Mapping[str, Any]) -> schemas.JobRequest:
    """Raises InvalidInput that points into the manifest."""
    try:
        return parse(schemas.JobRequest, request)
    except BpkdError as error:
        param = repetition.POINTER + (f".{error.param}" if error.param else "")
        raise InvalidInput(f"The manifest cannot be run: {error.message}", param=param, hint=error.hint) from error


def _on_the_same_data(service: Service, request: schemas.JobRequest) -> schemas.JobRequest:
    """The request, tied to the hash of its dataset. Raises InvalidInput where that is another one by now."""
    try:
        dataset = service.datasets.get(request.dataset)
    except NotFound as error:
        raise InvalidInput(
            f"The manifest's dataset {request.dataset} is not here; expected it to be registered",
            param=repetition.POINTER,
            hint="Register the data, and send the manifest with the new dataset's id in spec.provenance.dataset_id.",
        ) from error
    if request.dataset_sha256 not in (None, dataset.sha256):
        raise InvalidInput(
            f"Dataset {dataset.id} has the sha256 {dataset.sha256}; the manifest's run had {request.dataset_sha256}",
            param=repetition.POINTER,
            hint="Put the files back as they were and register them again.",
        )
    return request.model_copy(update={"dataset_sha256": dataset.sha256})
