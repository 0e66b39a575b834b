# Made from service/client/aio/catalog.py; change it there (service/client/__init__.py says how).
"""What can be named in a job, and who works on one."""

from __future__ import annotations

from service.client.sync.transport import Transport
from service.schemas import CatalogStudent, List, Worker


class Students:
    """`client.students`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> List[CatalogStudent]:
        """Networks that can be a student, the smallest first."""
        return self._transport.get(List[CatalogStudent], "/v1/students")


class Workers:
    """`client.workers`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> List[Worker]:
        """The workers that were seen in the last minute."""
        return self._transport.get(List[Worker], "/v1/workers")
