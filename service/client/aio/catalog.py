"""What can be named in a job, and who works on one."""

from __future__ import annotations

from service.client.aio.transport import AsyncTransport
from service.schemas import CatalogStudent, List, Worker


class AsyncStudents:
    """`client.students`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> List[CatalogStudent]:
        """Networks that can be a student, the smallest first."""
        return await self._transport.get(List[CatalogStudent], "/v1/students")


class AsyncWorkers:
    """`client.workers`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> List[Worker]:
        """The workers that were seen in the last minute."""
        return await self._transport.get(List[Worker], "/v1/workers")
