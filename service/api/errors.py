"""Errors on the wire: every refusal is `application/problem+json` (RFC 9457), the framework's own included.

`type` is a page of this server, so that the explanation works offline and fits the version that runs. Validation errors
name each field by a JSON pointer and never repeat what was sent: a body may hold secrets.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from bpkd_core import errors as core
from bpkd_core.errors import BpkdError
from bpkd_core.spec import is_tag, wording
from service.api.remedies import REMEDIES
from service.domain import errors as domain
from service.schemas import Blame, Problem

log = logging.getLogger(__name__)

MAX_BLAMES = 20

STATUS: Mapping[type[BpkdError], int] = {
    BpkdError: 500,
    core.InvalidInput: 422,
    core.UnsupportedImage: 415,
    core.MissingExtra: 503,
    core.ParityFailed: 422,
    core.GateFailed: 422,
    core.ProviderRefused: 503,
    core.OutOfMemory: 503,
    domain.NotFound: 404,
    domain.Conflict: 409,
    domain.StalePrecondition: 412,
    domain.IdempotencyMismatch: 422,
    domain.Unauthorized: 401,
    domain.Forbidden: 403,
    domain.TooLarge: 413,
    domain.UnsupportedMediaType: 415,
    domain.TooSlow: 408,
    domain.DeadlineExceeded: 504,
    domain.Busy: 429,
    domain.Unavailable: 503,
    domain.StorageFull: 507,
}
"""A class that is not here has its parent's status."""

FRAMEWORK_CODES: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read: broken JSON, or a broken header."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not speak the method; the `Allow` header names those it does."),
    406: ("not_acceptable", "None of the media types in `Accept` can be given; the message names those that can."),
    416: ("range_not_satisfiable", "The `Range` header asks for bytes beyond the file's end."),
    421: ("misdirected", "The `Host` header names a host that this server does not answer for (BPKD_ALLOWED_HOSTS)."),
    422: ("invalid_request", "The request was understood and a field in it is wrong; `errors` names each."),
    500: ("internal", "The server failed in a way that nobody foresaw."),
}
"""What FastAPI, Starlette and the edge itself refuse: status -> code and explanation."""

UNTYPED = "The body is not declared as JSON; expected the header `Content-Type: application/json`."


def status_of(error: type[BpkdError]) -> int:
    """The HTTP status of a class: its own or its nearest ancestor's."""
    return next(STATUS[base] for base in error.__mro__ if base in STATUS)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Blame] = (),
    hint: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response. Without blames and a hint of its own it gets those of its code."""
    remedy = REMEDIES[code]
    body = Problem(
        type=f"/problems/{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=list(errors) or remedy.blames(request, detail),
        hint=hint or remedy.hint,
        request_id=getattr(request.state, "request_id", None),
    )
    content = body.model_dump_json(exclude_none=True).encode()
    return Response(content, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every error of an application as a problem."""
    app.exception_handler(BpkdError)(refusal)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_framework)
    app.exception_handler(ClientDisconnect)(_of_hang_up)
    app.exception_handler(Exception)(_of_surprise)


def refusal(request: Request, error: BpkdError) -> Response:
    """An error of ours as a problem."""
    status = status_of(type(error))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("A request failed: %s", error, exc_info=error)
    place = _place(request, error.param) if error.param else None
    blames = [Blame(pointer=place, detail=error.message)] if place else []
    return problem(
        request, status, error.code, error.message, errors=blames, hint=error.hint, headers=_headers(error, status)
    )


def _place(request: Request, param: str) -> str | None:
    """Where a parameter of this request is: `?after`, `/job_id`, a header by its name, or a field of a JSON body.

    A record goes by its kind: a `job` is in the path as `job_id`.
    """
    if param in request.query_params:
        return f"?{param}"
    for name in (param, f"{param}_id"):
        if name in request.path_params:
            return f"/{name}"
    if param[:1].isupper() and param in request.headers:
        return param
    return "#/" + param.replace(".", "/") if "json" in request.headers.get("content-type", "") else None


def _headers(error: BpkdError, status: int) -> dict[str, str]:
    if isinstance(error, domain.WrongOffset):
        return {"Upload-Offset": str(error.held)}
    if isinstance(error, domain.Busy):
        return {"Retry-After": str(math.ceil(error.retry_after_s))}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}


def _of_validation(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return problem(request, 400, "malformed", "The body is not JSON; expected one JSON object.")
    if isinstance(error.body, bytes):  # FastAPI parses a body only if its type says that it may
        return refusal(request, domain.UnsupportedMediaType(UNTYPED))
    blames = [Blame(pointer=_pointer(each["loc"], error.body), detail=wording(each)) for each in found[:MAX_BLAMES]]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    blames = _telling_first(blames)
    return problem(request, 422, "invalid_request", f"{blames[0].pointer}: {blames[0].detail}{more}", errors=blames)


def _telling_first(blames: Sequence[Blame]) -> list[Blame]:
    """Where every member of a union complains of the first field, the one that got furthest inside goes first."""
    same = [blame for blame in blames if f"{blame.pointer}/".startswith(f"{blames[0].pointer}/")]
    top = max(same, key=lambda blame: blame.pointer.count("/"))
    return [top, *(blame for blame in blames if blame is not top)]


def _pointer(loc: Sequence[str | int], body: Any) -> str:
    """Where a field is: `#/student/arch`, `?limit`, `/job_id`; a header by its name."""
    place, *path = loc
    if place != "body":
        return {"query": "?", "path": "/"}.get(str(place), "") + ".".join(map(str, path))
    parts: list[str] = []
    for index, part in enumerate(path):
        inside = cast("dict[Any, Any]", body) if isinstance(body, dict) else None
        if index == 0 and str(part).startswith("<"):
            continue  # which of two bodies it is
        if inside is not None and index < len(path) - 1 and (part not in inside or is_tag(path[index:], inside)):
            continue  # the tag of a union, which is no field
        if part not in (inside or ()) and ("[" in str(part) or str(part)[:1].isupper()):
            continue  # a member of a union without tags: `literal['auto']`, `Pixels`
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
        body = _inside(body, part)
    return "#/" + "/".join(parts) if parts else "#"


def _inside(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (LookupError, TypeError):
        return None


def _of_framework(request: Request, error: HTTPException) -> Response:
    if isinstance(error.__cause__, BpkdError):  # FastAPI wraps whatever is raised while it reads a body
        return refusal(request, error.__cause__)
    code, explanation = FRAMEWORK_CODES.get(error.status_code, ("malformed", ""))
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else explanation
    headers = {"Allow": _spoken(request)} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(request, error.status_code, code, said, headers=headers)


def _spoken(request: Request) -> str:
    """Every method of an address; the framework names those of its first route only."""
    contexts = iter_route_contexts(request.app.routes)
    here = [each.methods or () for each in contexts if each.matches(request.scope)[0] is not Match.NONE]
    methods = {method for methods in here for method in methods}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _of_hang_up(request: Request, _: ClientDisconnect) -> Response:
    """Nobody reads this answer; it only keeps the caller's leaving out of the error log."""
    return problem(request, 400, "malformed", "The caller hung up before the answer.")


def _of_surprise(request: Request, error: Exception) -> Response:
    log.error("A request failed in a way that nobody foresaw", exc_info=error)
    return problem(request, 500, "internal", "The server failed; its log tells more under this request_id.")
