"""Jobs, as the client sees them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx

from service.client.aio.downloads import save
from service.client.aio.transport import AsyncFailures, AsyncTransport
from service.client.events import ENDED, SILENCE_S, event_of, stream_headers
from service.schemas import Event, File, Job, JobPlan, JobRequest, List

BASE = "/v1/jobs"


class AsyncJobs:
    """`client.jobs`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, request: JobRequest | Mapping[str, Any]) -> Job:
        """Submit a job."""
        return await self._transport.post(Job, BASE, request)

    async def plan(self, request: JobRequest | Mapping[str, Any]) -> JobPlan:
        """What a job would do; nothing is stored."""
        return await self._transport.post(JobPlan, BASE, request, dry_run=True)

    async def get(self, job_id: str) -> Job:
        """One job and where it stands."""
        return await self._transport.get(Job, f"{BASE}/{job_id}")

    async def list(self, *, limit: int = 20, after: str | None = None, status: str | None = None) -> List[Job]:
        """One page of jobs, the newest first."""
        return await self._transport.get(List[Job], BASE, limit=limit, after=after, status=status)

    def iterate(self, *, status: str | None = None) -> AsyncIterator[Job]:
        """Every job, the newest first."""
        return self._transport.iterate(Job, BASE, status=status)

    async def cancel(self, job_id: str) -> Job:
        """Wish a job to stop."""
        return await self._transport.post(Job, f"{BASE}/{job_id}/cancel")

    async def follow(self, job_id: str, *, after: str | None = None) -> AsyncIterator[Event]:
        """Events as they happen, up to `done`; none is missed when the server restarts meanwhile.

        after: the id of the last event already seen. Raises Unreachable when the server stays away.
        """
        failures = AsyncFailures(self._transport)
        while True:
            try:
                async with aclosing(self._stream(job_id, after)) as events:
                    async for event in events:
                        yield event
                        after = event.id
                        failures.forget()
                        if event.type == "done":
                            return
                job = await self.get(job_id)
                if job.status in ENDED:
                    return
            except httpx.TransportError as error:
                await failures.bear(error)

    async def wait(self, job_id: str) -> Job:
        """Until the job has ended."""
        async for _ in self.follow(job_id):
            pass
        return await self.get(job_id)

    async def artifacts(self, job_id: str) -> List[File]:
        """The files that a job left."""
        return await self._transport.get(List[File], f"{BASE}/{job_id}/artifacts")

    async def artifact(self, job_id: str, name: str, target: Path) -> Path:
        """Download one file; it is compared with its hash, and whole or absent."""
        return await save(self._transport, f"{BASE}/{job_id}/artifacts/{name}", target)

    async def _stream(self, job_id: str, after: str | None) -> AsyncGenerator[Event, None]:
        answer = await self._transport.send(
            "GET",
            f"{BASE}/{job_id}/events",
            stream=True,
            headers=stream_headers(after),
            timeout=httpx.Timeout(self._transport.http.timeout.connect, read=SILENCE_S),
        )
        async with aclosing(answer):
            async for line in answer.aiter_lines():
                if (event := event_of(line)) is not None:
                    yield event
