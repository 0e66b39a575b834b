# Made from service/client/aio/transport.py; change it there (service/client/__init__.py says how).
"""Requests that outlive a restart of the server: each may be repeated, so each is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from service.client.errors import RequestFailed, Unreachable
from service.client.patience import Patience
from service.schemas import List

T = TypeVar("T", bound=BaseModel)
Body = BaseModel | Mapping[str, Any] | None
PAGE = 100
NOT_FOUND, AGAIN = 404, frozenset({429, 503})
IN_FLIGHT = "idempotency_in_flight"
"""An earlier try, whose connection broke, is still being worked on."""


@dataclass(frozen=True)
class Transport:
    """An httpx client with patience. Every method raises RequestFailed and Unreachable.

    Parameters that are None are left out of the query. A POST carries an Idempotency-Key, the same for each try.
    """

    http: httpx.Client
    patience: Patience
    sleep: Callable[[float], None]

    def get(self, kind: type[T], path: str, **params: Any) -> T:
        """GET one object."""
        return _read(kind, self.send("GET", path, params=_given(params)))

    def post(self, kind: type[T], path: str, body: Body = None, **params: Any) -> T:
        """POST a body, and read the object in the answer."""
        return _read(kind, self.send("POST", path, json=_plain(body), params=_given(params)))

    def put(self, kind: type[T], path: str, body: Body, headers: Mapping[str, str] | None = None) -> T:
        """PUT a body, and read the object in the answer."""
        return _read(kind, self.send("PUT", path, json=_plain(body), headers=headers))

    def delete(self, path: str) -> None:
        """DELETE. What an earlier try has deleted, whose answer was lost, is no error."""
        self.send("DELETE", path)

    def iterate(self, kind: type[T], path: str, **params: Any) -> Iterator[T]:
        """Every object of a list, page by page. kind: of one object."""
        after, more = None, True
        while more:
            page = self.get(List[kind], path, limit=PAGE, after=after, **params)
            yield from page.data
            after, more = page.last_id, page.has_more

    def send(self, method: str, path: str, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send until the server takes the request. stream: return before the answer's body is read."""
        if method == "POST":
            options["headers"] = {"Idempotency-Key": uuid.uuid4().hex, **(options.get("headers") or {})}
        failures = Failures(self)
        while True:
            try:
                return self.attempt(method, path, stream=stream, **options)
            except (httpx.TransportError, RequestFailed) as error:
                if method == "DELETE" and failures.count and _status(error) == NOT_FOUND:
                    return httpx.Response(204)
                failures.bear(error)

    def attempt(self, method: str, path: str, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send once. Raises RequestFailed for any answer that is no success, and httpx.TransportError."""
        response = self.http.send(self.http.build_request(method, path, **options), stream=stream)
        if response.is_success:
            return response
        try:
            response.read()
        finally:
            response.close()
        raise RequestFailed.of(response)


class Failures:
    """Failures in a row, each borne by a pause, until the patience is at its end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.count = 0

    def forget(self) -> None:
        """Something went well: count from nought."""
        self.count = 0

    def bear(self, error: httpx.TransportError | RequestFailed, *, passes: bool = False) -> None:
        """Wait before another try. Raises what cannot pass at once, and what did not pass in time.

        passes: this refusal may be another one the next time, though its status does not say so.
        """
        if not (passes or _may_pass(error)):
            raise error
        self.count += 1
        patience = self._transport.patience
        if self.count >= patience.tries:
            raise self._last(error)
        self._transport.sleep(patience.delay_s(self.count, getattr(error, "retry_after", "")))

    def _last(self, error: httpx.TransportError | RequestFailed) -> RequestFailed | Unreachable:
        if isinstance(error, RequestFailed):
            return error
        address = self._transport.http.base_url
        return Unreachable(f"{address} does not answer ({error}); start it with `bpkd up`")


def _may_pass(error: httpx.TransportError | RequestFailed) -> bool:
    return not isinstance(error, RequestFailed) or error.problem.status in AGAIN or error.problem.code == IN_FLIGHT


def _read(kind: type[T], response: httpx.Response) -> T:
    return kind.model_validate_json(response.content)


def _plain(body: Body) -> Any:
    return body.model_dump(mode="json", by_alias=True) if isinstance(body, BaseModel) else body


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _status(error: Exception) -> int | None:
    return error.problem.status if isinstance(error, RequestFailed) else None
