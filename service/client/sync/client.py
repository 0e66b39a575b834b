# Made from service/client/aio/client.py; change it there (service/client/__init__.py says how).
"""A connection to one server, and what can be asked of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from service.client.patience import Patience
from service.client.sync.catalog import Students, Workers
from service.client.sync.datasets import Datasets
from service.client.sync.jobs import Jobs
from service.client.sync.models import Models
from service.client.sync.teachers import Teachers
from service.client.sync.transport import Transport
from service.client.sync.webhooks import Webhooks

TIMEOUT_S = 60.0


class Client:
    """A connection to one server. Repeats requests while the server restarts or is busy.

    api_key: `bpkd_...`; a server that listens on loopback needs none. patience: how often and how long to try.
    transport: another way to the server than TCP, such as an application in the same process. sleep: how to wait
    between tries. Methods raise RequestFailed and Unreachable.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8400",
        api_key: str | None = None,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )
        patient = Transport(self._http, patience or Patience(), sleep)
        self.datasets = Datasets(patient)
        self.teachers = Teachers(patient)
        self.jobs = Jobs(patient)
        self.models = Models(patient)
        self.students = Students(patient)
        self.workers = Workers(patient)
        self.webhooks = Webhooks(patient)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
