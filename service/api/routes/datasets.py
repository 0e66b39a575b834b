"""Datasets: registered by path, validated by a worker, reported on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.context import Here, Paging
from service.api.imports import importable_folder
from service.domain import datasets, submission
from service.domain.errors import NotFound

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


@router.post("", operation_id="datasets_create", status_code=201, response_model=schemas.Dataset)
def create(body: schemas.DatasetRequest, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Register a folder of images and masks. Validation starts by itself; `state` says when it is through."""
    folder = importable_folder(body.path, here.service.settings.import_roots)
    draft = datasets.Dataset(
        id=here.service.new_id("ds"),
        name=body.name,
        path=str(folder),
        created_at=here.service.now(),
        created_by=me.id,
        layout=body.layout,
        labels=body.labels,
        metadata=body.metadata,
    )
    promise = idempotency.once(request, me, key, body)
    stored = submission.register(here.service.datasets, here.service.hints, draft, once=promise)
    location = f"{router.prefix}/{stored.id}"
    return idempotency.created(shapes.dataset(stored), location, replayed=stored.id != draft.id)


@router.get("", operation_id="datasets_list")
def listing(
    here: Here, page: Paging, state: Annotated[schemas.DatasetState | None, Query()] = None
) -> schemas.List[schemas.Dataset]:
    """Datasets, the newest first."""
    return shapes.listing(here.service.datasets.list(page, state=state), shapes.dataset, lambda each: each.id)


@router.get("/{dataset_id}", operation_id="datasets_get")
def get(dataset_id: str, here: Here) -> schemas.Dataset:
    """One dataset."""
    return shapes.dataset(here.service.datasets.get(dataset_id))


@router.get("/{dataset_id}/report", operation_id="datasets_report")
def report(dataset_id: str, here: Here) -> dict[str, Any]:
    """What validation found: problems by code, each with a count, files and the way to mend it."""
    found = here.service.datasets.get(dataset_id).report
    if found is None:
        raise NotFound.of("report of dataset", dataset_id, hint="There is one as soon as the validation is through.")
    return dict(found)
