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
from service.schemas import Checkpoint, Event, File, Job, JobDiff, JobPlan, JobRequest, List, Preview, RepeatRequest

BASE = "/v1/jobs"


class AsyncJobs:
    """`client.jobs`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, request: JobRequest | RepeatRequest | Mapping[str, Any]) -> Job:
        """Submit a job."""
        return await self._transport.post(Job, BASE, request)

    async def plan(self, request: JobRequest | RepeatRequest | Mapping[str, Any]) -> JobPlan:
        """What a job would do; nothing is stored."""
        return await self._transport.post(JobPlan, BASE, request, dry_run=True)

    async def get(self, job_id: str) -> Job:
        """One job and where it stands."""
        return await self._transport.get(Job, f"{BASE}/{job_id}")

    async def list(self, *, limit: int = 20, after: str | None = None, **filters: str | None) -> List[Job]:
        """One page of jobs, the newest first.

        filters: status, dataset, teacher, model, name (how it begins), metadata (`key:value`), created_after and
        created_before (RFC 3339), order.
        """
        return await self._transport.get(List[Job], BASE, limit=limit, after=after, **filters)

    def iterate(self, **filters: str | None) -> AsyncIterator[Job]:
        """Every job, the newest first; filters as in :meth:`list`."""
        return self._transport.iterate(Job, BASE, **filters)

    async def retry(self, job_id: str) -> Job:
        """Go on with a job that failed or was cancelled: a new job, from the newest checkpoint of that one."""
        return await self._transport.post(Job, f"{BASE}/{job_id}/retry")

    async def repeat(self, manifest: str | Mapping[str, Any], **replaced: Any) -> Job:
        """Run a job again exactly: by its id, or by the manifest that it left. replaced: name, priority, metadata."""
        return await self._transport.post(Job, BASE, {"from_manifest": manifest, **replaced})

    async def diff(self, job_id: str, other: str) -> JobDiff:
        """Where two jobs differ."""
        return await self._transport.get(JobDiff, f"{BASE}/{job_id}/diff", other=other)

    async def logs(self, job_id: str, *, tail: int | None = None) -> str:
        """The log as text, while the job runs and after; all of it, or so many lines of the end."""
        params = {} if tail is None else {"tail": tail}
        answer = await self._transport.send("GET", f"{BASE}/{job_id}/logs", params=params)
        return answer.text

    async def checkpoints(self, job_id: str) -> List[Checkpoint]:
        """The states that its trainings could go on from, oldest first."""
        return await self._transport.get(List[Checkpoint], f"{BASE}/{job_id}/checkpoints")

    def previews(self, job_id: str) -> AsyncIterator[Preview]:
        """The pictures that were drawn while it trained, oldest first."""
        return self._transport.iterate(Preview, f"{BASE}/{job_id}/previews")

    async def preview(self, job_id: str, preview_id: str, target: Path) -> Path:
        """Download one picture, as PNG."""
        return await save(self._transport, f"{BASE}/{job_id}/previews/{preview_id}", target)

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
