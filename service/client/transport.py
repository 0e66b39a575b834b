"""Requests that outlive a restart of the server: each may be repeated, so each is."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from service.client.errors import RequestFailed, Unreachable

AGAIN = frozenset({429, 503})


@dataclass(frozen=True)
class Patience:
    """How often and how long to try. The waits double from `first_s` to `longest_s`, and `Retry-After` is kept."""

    tries: int = 8
    first_s: float = 0.2
    longest_s: float = 5.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int, retry_after: str = "") -> None:
        """Sleep after the n-th failure in a row, n from 1."""
        backoff_s = min(self.first_s * 2 ** (failures - 1), self.longest_s) * random.uniform(0.5, 1.0)  # noqa: S311  # nosec B311  # no secret
        asked_s = float(retry_after) if retry_after.isdigit() else 0.0
        self.sleep(max(backoff_s, min(asked_s, self.longest_s)))


@dataclass(frozen=True)
class Transport:
    """An httpx client with patience. Every method raises RequestFailed and Unreachable."""

    http: httpx.Client
    patience: Patience = field(default_factory=Patience)

    def get(self, path: str, **params: Any) -> httpx.Response:
        """GET; parameters that are None are left out."""
        return self.send("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """POST JSON under a fresh Idempotency-Key, the same for each try."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self.send("POST", path, json=body, params=params, headers=key)

    def send(self, method: str, path: str, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send until the server takes the request. stream: return before the answer's body is read."""
        failures = 0
        while True:
            retry_after = ""
            try:
                response = self.http.send(self.http.build_request(method, path, **options), stream=stream)
                if response.is_success:
                    return response
                response.read()
                failure, retry_after = RequestFailed.of(response), response.headers.get("Retry-After", "")
                if response.status_code not in AGAIN:
                    raise failure
            except httpx.TransportError as error:
                failure = Unreachable(f"{self.http.base_url} does not answer ({error}); start it with `bpkd up`")
            failures += 1
            if failures >= self.patience.tries:
                raise failure
            self.patience.wait(failures, retry_after)
