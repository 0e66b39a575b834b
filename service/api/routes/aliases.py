"""Aliases: which version serves under a name, moved with a guard against lost updates, and moved back."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from bpkd_core.errors import InvalidInput
from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.context import Here
from service.domain import registry
from service.domain.models import Alias

router = APIRouter(prefix="/v1/models/{model}/aliases/{alias}", tags=["models"])
IfMatch = Annotated[str | None, Header(max_length=100, description="the ETag that you read; `0` for a new alias")]
NO_REASON = schemas.RollbackRequest()
AliasName = Annotated[str, Path(pattern=schemas.NAME_PATTERN)]


@router.get("", operation_id="aliases_get", response_model=schemas.Alias)
def get(model: str, alias: str, here: Here) -> Response:
    """Where an alias points. The ETag is its revision."""
    found = here.service.models.alias(model, alias)
    return shapes.answer(shapes.alias(found), headers=_etag(found))


@router.put("", operation_id="aliases_put", response_model=schemas.Alias)
def put(
    model: str, alias: AliasName, body: schemas.AliasRequest, here: Here, me: Me, if_match: IfMatch = None
) -> Response:
    """Promote a version. It is loaded, checked and warmed up first; one that cannot be served changes nothing."""
    revision = _revision(if_match)
    here.runtime.live.version(model, body.version)
    moved = registry.promote(
        here.service.models, model, alias, body.version, expected_revision=revision, by=me.id, reason=body.reason
    )
    here.runtime.live.refresh()
    return shapes.answer(shapes.alias(moved), headers=_etag(moved))


@router.delete("", operation_id="aliases_delete", status_code=204)
def delete(model: str, alias: str, here: Here, me: Me, if_match: IfMatch = None) -> None:
    """Let an alias point nowhere: nothing is served under it any more. Its history stays."""
    registry.remove(here.service.models, model, alias, expected_revision=_revision(if_match), by=me.id)
    here.runtime.live.refresh()


@router.post("/rollback", operation_id="aliases_rollback", response_model=schemas.Alias)
def rollback(
    model: str,
    alias: str,
    request: Request,
    here: Here,
    me: Me,
    body: schemas.RollbackRequest = NO_REASON,
    if_match: IfMatch = None,
    key: idempotency.Key = None,
) -> Response:
    """Go back to the version that was live before; a second rollback goes one further back."""

    def move_back() -> schemas.Alias:
        moved = registry.rollback(
            here.service.models, model, alias, expected_revision=_revision(if_match), by=me.id, reason=body.reason
        )
        here.runtime.live.refresh()
        return shapes.alias(moved)

    return idempotency.answer_once(here.service.idempotency, idempotency.once(request, me, key, body), move_back)


@router.get("/history", operation_id="aliases_history")
def history(model: str, alias: str, here: Here) -> schemas.List[schemas.AliasMove]:
    """Every move of an alias, oldest first."""
    moves = here.service.models.history(model, alias)
    return shapes.whole([shapes.move(each) for each in moves], [str(each.revision) for each in moves])


def _etag(alias: Alias) -> dict[str, str]:
    return {"ETag": f'"{alias.revision}"'}


def _revision(if_match: str | None) -> int | None:
    if if_match in (None, "*"):
        return None
    found = re.fullmatch(r'"?(\d{1,9})"?', if_match)
    if found is None:
        raise InvalidInput(f'If-Match is {if_match}; expected the ETag of the alias, such as "3"', param="If-Match")
    return int(found[1])
