"""Students that came from elsewhere: an ONNX file is uploaded or named by its path, tried, and published."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.context import Context, Here
from service.api.imports import importable_file
from service.api.uploads import BODY, PARTIAL, incomplete, receive
from service.domain import importing
from service.domain.importing import MAX_BYTES, Stranger
from service.domain.uploads import Partial

router = APIRouter(prefix="/v1", tags=["models"])
NewName = Annotated[str, Path(pattern=schemas.NAME_PATTERN)]


@router.put(
    "/uploads/{sha256}/content",
    operation_id="uploads_put",
    response_model=schemas.Upload,
    responses=PARTIAL,
    openapi_extra=BODY,
)
async def upload(sha256: Annotated[schemas.Sha256, Path()], request: Request, here: Here) -> Response:
    """Send a file that a later request names by its hash, whole or in pieces. It is kept for a day.

    So far that is `POST /v1/models/{model}/versions`. What has another hash than the address says is refused.
    """
    came = await receive(request, here, importing.upload_id(sha256), limit_bytes=MAX_BYTES)
    if isinstance(came, Partial):
        return incomplete(came)
    await run_in_threadpool(importing.require_hash, here.service.uploads, came, sha256)
    return shapes.answer(shapes.upload(Partial(came.size, came.size)))


@router.post(
    "/models/{model}/versions", operation_id="versions_create", status_code=201, response_model=schemas.Version
)
def create(
    model: NewName,
    body: schemas.ImportRequest,
    request: Request,
    here: Here,
    me: Me,
    key: idempotency.Key = None,
) -> Response:
    """Register an ONNX file that keeps the contract of ours (uint8 image in, class ids out) but came from elsewhere.

    It is run at several sizes in a process of its own, which has little memory and a minute. The same bytes again give
    the same version; a file that does not name its classes gets them written into it.
    """

    def act() -> schemas.Version:
        with here.trial():
            return shapes.version(importing.import_version(here.service, _stranger(model, body, here, me.id)))

    promise = idempotency.once(request, me, key, body)
    return idempotency.answer_once(
        here.service.idempotency,
        promise,
        act,
        status=201,
        locate=lambda made: f"/v1/models/{made.model}/versions/{made.version}",
    )


def _stranger(model: str, body: schemas.ImportRequest, here: Context, by: str | None) -> Stranger:
    if body.sha256 is not None:
        path = importing.uploaded(here.service.uploads, body.sha256)
    else:
        path = importable_file(body.path or "", here.service.settings.import_roots)
    return Stranger(path, model, body.classes, body.alias_on_success, by)
