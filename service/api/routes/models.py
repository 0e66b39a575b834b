"""Models and their versions: what was published, how good it is, and its file."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from bpkd_core.bundle import Result
from service import schemas
from service.api import card, shapes
from service.api.context import Here, Paging
from service.api.downloads import BINARY, download
from service.api.negotiation import choose
from service.domain.errors import NotFound

router = APIRouter(prefix="/v1/models", tags=["models"])
CARD: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {"schema": {"type": "string"}} for media_type in card.MEDIA_TYPES}}
}
Number = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("", operation_id="models_list")
def listing(here: Here, page: Paging) -> schemas.List[schemas.Model]:
    """Models by name."""
    found = here.service.models.list(page)
    aliases = here.service.models.aliases([each.name for each in found.data])
    return shapes.listing(found, lambda each: shapes.model(each, aliases[each.name]), lambda each: each.name)


@router.get("/{model}", operation_id="models_get")
def get(model: str, here: Here) -> schemas.Model:
    """One model and where its aliases point."""
    models = here.service.models
    return shapes.model(models.get(model), models.aliases([model])[model])


@router.delete("/{model}", operation_id="models_delete", status_code=204)
def delete(model: str, here: Here) -> None:
    """Forget a model and all of its versions. Refused while an alias points to one of them."""
    here.service.models.delete(model)
    here.runtime.live.forget(model)


@router.get("/{model}/versions", operation_id="versions_list")
def versions(model: str, here: Here, page: Paging) -> schemas.List[schemas.Version]:
    """Versions, the newest first."""
    found = here.service.models.versions(model, page)
    return shapes.listing(found, shapes.version, lambda each: str(each.version))


@router.get("/{model}/versions/{version}", operation_id="versions_get")
def version(model: str, version: Number, here: Here) -> schemas.Version:
    """One version: where it comes from and what it consists of."""
    return shapes.version(here.service.models.version(model, version))


@router.delete("/{model}/versions/{version}", operation_id="versions_delete", status_code=204)
def delete_version(model: str, version: Number, here: Here) -> None:
    """Forget a version; its number is not given again. Refused while an alias points to it."""
    here.service.models.delete(model, version)
    here.runtime.live.forget(model, version)


@router.get(
    "/{model}/versions/{version}/card",
    operation_id="versions_card",
    response_class=Response,
    responses=CARD,
)
def model_card(model: str, version: Number, request: Request, here: Here) -> Response:
    """The model card: what it is, what of, how good, how to use it. Markdown, or HTML by `Accept`."""
    media_type = choose(request.headers.get("accept", "*/*"), card.MEDIA_TYPES)
    found = here.service.models.version(model, version)
    aliases = here.service.models.aliases([model])[model]
    return Response(card.render(found, aliases, media_type), media_type=media_type, headers={"Vary": "Accept"})


@router.get(
    "/{model}/versions/{version}/files/{name}",
    operation_id="versions_file",
    response_class=Response,
    responses=BINARY,
)
def file(model: str, version: Number, name: str, request: Request, here: Here) -> Response:
    """One of the files that the version lists, whole or in part (`Range`)."""
    files = here.service.models.version(model, version).files
    if name not in files:
        raise NotFound.of("file", name, hint=f"Files of {model}@{version}: {', '.join(sorted(files))}.")
    return download(request, here.service.artifacts, files[name], name)


@router.get("/{model}/versions/{version}/report", operation_id="versions_report")
def report(model: str, version: Number, here: Here) -> Result:
    """How good it is, measured on its file: quality, boundaries, parity with torch, latency."""
    found = here.service.models.version(model, version).result
    if found is None:
        raise NotFound(f"Nothing was measured for {model}@{version}; only versions that a job made have a report")
    return Result.model_validate(found)


@router.get("/{model}/versions/{version}/onnx", operation_id="versions_onnx", response_class=Response, responses=BINARY)
def onnx(model: str, version: Number, request: Request, here: Here) -> Response:
    """The ONNX file: uint8 image in, class ids out, in any onnxruntime. Whole or in part (`Range`)."""
    files = here.service.models.version(model, version).files
    return download(request, here.service.artifacts, files["student.onnx"], f"{model}-{version}.onnx")
