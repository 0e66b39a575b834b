"""A connection to one server, and what can be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx

from service.client.aio.catalog import AsyncStudents, AsyncWorkers
from service.client.aio.datasets import AsyncDatasets
from service.client.aio.jobs import AsyncJobs
from service.client.aio.models import AsyncModels
from service.client.aio.teachers import AsyncTeachers
from service.client.aio.transport import AsyncTransport
from service.client.aio.webhooks import AsyncWebhooks
from service.client.patience import Patience

TIMEOUT_S = 60.0


class AsyncClient:
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
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )
        patient = AsyncTransport(self._http, patience or Patience(), sleep)
        self.datasets = AsyncDatasets(patient)
        self.teachers = AsyncTeachers(patient)
        self.jobs = AsyncJobs(patient)
        self.models = AsyncModels(patient)
        self.students = AsyncStudents(patient)
        self.workers = AsyncWorkers(patient)
        self.webhooks = AsyncWebhooks(patient)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
