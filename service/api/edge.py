"""The outermost layer: an id for each request, the Host allow-list, the cap on bodies, one log line, the counters."""

from __future__ import annotations

import logging
import re
import secrets
from time import perf_counter

from anyio import CancelScope
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import bodies
from service.api.errors import problem, refusal
from service.api.metrics import Metrics
from service.domain.errors import Forbidden
from service.logs import bound
from service.settings import Settings

MAX_JSON_BYTES = 1 << 20
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[a-z]{2,4}_[0-9a-z]{26}")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_access = logging.getLogger("service.api.access")


class Edge:
    """ASGI middleware in front of every route, the unknown ones included."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, count. What is refused here never reaches a route."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, started, status = scope["method"], perf_counter(), 500
        request = Request(_as_get(scope) if method == "HEAD" else scope)
        request.state.request_id = _request_id(request)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.state.request_id.encode())]
            await send(message)

        limit = self._limit(request)
        body = bodies.counted(receive, limit)
        app = self._refusal(request, limit) or self._app
        answer = _without_body(app) if method == "HEAD" else app
        with bound(request_id=request.state.request_id):
            try:
                await answer(request.scope, body if _is_upload(request) else bodies.hurried(body), send_with_id)
            finally:
                self._tell(request, method, status, perf_counter() - started)

    def _limit(self, request: Request) -> int:
        """The most bytes that a body may have."""
        if _is_upload(request):
            return self._settings.max_upload_bytes
        return MAX_JSON_BYTES if _is_json(request) else self._settings.max_body_bytes

    def _refusal(self, request: Request, limit: int) -> Response | None:
        host = _name_of(request.headers.get("host", ""))
        if host not in self._hosts:
            return problem(request, 421, "misdirected", f'This server does not answer for the host "{host}".')
        origin = request.headers.get("origin")
        if origin and request.method not in _SAFE_METHODS and _name_of(origin.partition("://")[2]) not in self._hosts:
            hint = "BPKD_ALLOWED_HOSTS names the hosts whose pages may."
            return refusal(request, Forbidden(f"A page of {origin} may not write here.", param="Origin", hint=hint))
        declared = request.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            return refusal(request, bodies.too_large(limit))
        return None

    def _tell(self, request: Request, method: str, status: int, seconds: float) -> None:
        route = getattr(request.scope.get("route"), "path", "unknown")
        self._metrics.count_request(method, route, status, seconds)
        facts = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        _access.info("request", extra=facts | _ids(request))


def _ids(request: Request) -> dict[str, str]:
    """The ids in a path, such as `job_id`; whatever else a caller wrote there stays out of the log."""
    params: dict[str, object] = request.path_params
    return {name: text for name, each in params.items() if name.endswith("_id") and _ID.fullmatch(text := str(each))}


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


def _name_of(host: str) -> str:
    """A host without its port: `localhost:8400`, `[::1]:8400`."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")


def _is_upload(request: Request) -> bool:
    """Whether the body is a file that is streamed to disk, by service/api/uploads.py, which has a clock of its own."""
    return request.method == "PUT" and request.url.path.endswith("/content")


def _as_get(scope: Scope) -> Scope:
    """What GET would be asked for; `Range` is defined for GET alone (RFC 9110, section 14.2)."""
    return {**scope, "method": "GET", "headers": [each for each in scope["headers"] if each[0] != b"range"]}


def _without_body(app: ASGIApp) -> ASGIApp:
    """Answer HEAD: as GET up to where its body begins, where the route is left; a stream would go on for ever."""

    async def headed(scope: Scope, receive: Receive, send: Send) -> None:
        with CancelScope() as rest:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                else:
                    await send({"type": "http.response.body"})
                    rest.cancel()

            await app(scope, receive, send_head)

    return headed
