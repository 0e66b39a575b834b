"""The API for Python programs: `Client("http://127.0.0.1:8400").jobs.create(...)`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from service.client.datasets import Datasets
from service.client.errors import RequestFailed, Unreachable
from service.client.jobs import Jobs
from service.client.models import Mask, Models
from service.client.transport import Patience, Transport

__all__ = ["Client", "Mask", "Patience", "RequestFailed", "Unreachable"]

TIMEOUT_S = 60.0


class Client:
    """A connection to one server. Repeats requests while the server restarts or is busy.

    api_key: `bpkd_...`; a server that listens on loopback needs none. transport: another way to the server than TCP,
    such as an application in the same process. Methods raise RequestFailed and Unreachable.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8400",
        api_key: str | None = None,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )
        patient = Transport(self._http, patience or Patience())
        self.datasets = Datasets(patient)
        self.jobs = Jobs(patient)
        self.models = Models(patient)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
