"""Datasets: registered by path or uploaded, validated by a worker, reported on, shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.content_range import asks_where_it_stands
from service.api.context import Here, Paging
from service.api.downloads import BINARY, download
from service.api.imports import importable_folder
from service.api.uploads import BODY, PARTIAL, incomplete, receive
from service.domain import datasets, intake, submission
from service.domain.errors import NotFound
from service.domain.uploads import Partial

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
Number = Annotated[int, Path(ge=0, lt=1000)]


@router.post("", operation_id="datasets_create", status_code=201, response_model=schemas.Dataset)
def create(body: schemas.DatasetRequest, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Register a folder of images and masks, or, without a path, make a dataset whose content is sent next.

    Validation starts by itself; `state` says when it is through.
    """
    folder = importable_folder(body.path, here.service.settings.import_roots) if body.path is not None else None
    dataset_id = here.service.new_id("ds")
    draft = datasets.Dataset(
        id=dataset_id,
        name=body.name,
        path=str(folder or here.service.dataset_folders.place(dataset_id)),
        uploaded=folder is None,
        state="validating" if folder else "uploading",
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


@router.put(
    "/{dataset_id}/content",
    operation_id="datasets_upload",
    response_model=schemas.Dataset,
    responses=PARTIAL,
    openapi_extra=BODY,
)
async def upload(dataset_id: str, request: Request, here: Here) -> Response:
    """Send a zip, tar or tar.gz, whole or in pieces. With its last byte validation starts; content never changes."""
    service = here.service
    dataset = await run_in_threadpool(service.datasets.get, dataset_id)
    if dataset.state != "uploading" and asks_where_it_stands(request):
        return shapes.answer(shapes.dataset(dataset))
    datasets.require_wait_for_content(dataset)
    came = await receive(request, here, dataset_id)
    if isinstance(came, Partial):
        return incomplete(came)
    ports = service.datasets, service.dataset_folders, service.hints
    return shapes.answer(shapes.dataset(await run_in_threadpool(intake.take_in, *ports, dataset_id, came)))


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


@router.delete("/{dataset_id}", operation_id="datasets_delete", status_code=204)
def delete(dataset_id: str, here: Here) -> None:
    """Forget a dataset, and the files that were uploaded for it. Refused while something refers to it."""
    intake.forget(here.service.datasets, here.service.dataset_folders, here.service.uploads, dataset_id)


@router.get("/{dataset_id}/report", operation_id="datasets_report")
def report(dataset_id: str, here: Here) -> schemas.DatasetReport:
    """What validation found: problems by code, each with a count, files and the way to mend it."""
    found = here.service.datasets.get(dataset_id).report
    if found is None:
        raise NotFound.of("report of dataset", dataset_id, hint="There is one as soon as the validation is through.")
    return schemas.DatasetReport.model_validate(found)


@router.get("/{dataset_id}/samples", operation_id="datasets_samples")
def samples(dataset_id: str, here: Here) -> schemas.List[schemas.DatasetSample]:
    """Pictures of some images of each split under the colours of their masks, drawn by the validation."""
    return shapes.samples(here.service.datasets.get(dataset_id))


@router.get("/{dataset_id}/samples/{number}", operation_id="datasets_sample", response_class=Response, responses=BINARY)
def sample(dataset_id: str, number: Number, request: Request, here: Here) -> Response:
    """One picture, a PNG."""
    found = here.service.datasets.get(dataset_id).samples
    if number >= len(found):
        raise NotFound(f"Dataset {dataset_id} has no sample {number}", hint=f"It has {len(found)}, numbered from 0.")
    return download(request, here.service.artifacts, found[number].file, f"{dataset_id}-{number}.png")
