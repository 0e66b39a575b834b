"""`Idempotency-Key`: a POST that is sent twice with one key happens once, and is answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api import shapes
from service.api.auth import Caller
from service.domain.idempotency import Answer, Once
from service.domain.ports import Idempotency
from service.schemas import Wire

W = TypeVar("W", bound=Wire)
REPLAYED = "Idempotency-Replayed"
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="makes a repeat harmless, for 24 hours"),
]


def once(request: Request, caller: Caller, key: str | None, body: BaseModel | None = None) -> Once | None:
    """The promise that a request makes with its key. The scope keeps callers and routes apart."""
    if key is None:
        return None
    content = body.model_dump_json(by_alias=True) if body else ""
    scope = f"{caller.id or 'local'} {request.method} {request.url.path}"
    return Once(scope, key, hashlib.sha256(content.encode()).hexdigest())


def created(body: Wire, location: str, *, replayed: bool) -> Response:
    """201 with the place of the record, and whether an earlier request with this key had made it."""
    return shapes.answer(body, 201, {"Location": location} | ({REPLAYED: "true"} if replayed else {}))


def answer_once(
    answers: Idempotency,
    promise: Once | None,
    act: Callable[[], W],
    *,
    status: int = 200,
    locate: Callable[[W], str] | None = None,
) -> Response:
    """Act and answer; for a key that was answered before, repeat the answer instead.

    locate: where the thing is that was made, for the header `Location`. Raises IdempotencyInFlight,
    IdempotencyMismatch, and whatever `act` raises; then the key is free again.
    """
    if promise is not None and (stored := answers.begin(promise)) is not None:
        return JSONResponse(stored.body, stored.status, {**stored.headers, REPLAYED: "true"})
    try:
        body = act()
    except BaseException:
        if promise is not None:
            answers.abandon(promise)
        raise
    headers = {"Location": locate(body)} if locate is not None else {}
    if promise is not None:
        answers.finish(promise, Answer(status, body.model_dump(mode="json"), headers))
    return shapes.answer(body, status, headers)
