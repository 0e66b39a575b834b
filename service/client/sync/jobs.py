# Made from service/client/aio/jobs.py; change it there (service/client/__init__.py says how).
"""Jobs, as the client sees them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from service.client.events import ENDED, SILENCE_S, event_of, stream_headers
from service.client.sync.downloads import save
from service.client.sync.transport import Failures, Transport
from service.schemas import Checkpoint, Event, File, Job, JobDiff, JobPlan, JobRequest, List, Preview, RepeatRequest

BASE = "/v1/jobs"


class Jobs:
    """`client.jobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, request: JobRequest | RepeatRequest | Mapping[str, Any]) -> Job:
        """Submit a job."""
        return self._transport.post(Job, BASE, request)

    def plan(self, request: JobRequest | RepeatRequest | Mapping[str, Any]) -> JobPlan:
        """What a job would do; nothing is stored."""
        return self._transport.post(JobPlan, BASE, request, dry_run=True)

    def get(self, job_id: str) -> Job:
        """One job and where it stands."""
        return self._transport.get(Job, f"{BASE}/{job_id}")

    def list(self, *, limit: int = 20, after: str | None = None, **filters: str | None) -> List[Job]:
        """One page of jobs, the newest first.

        filters: status, dataset, teacher, model, name (how it begins), metadata (`key:value`), created_after and
        created_before (RFC 3339), order.
        """
        return self._transport.get(List[Job], BASE, limit=limit, after=after, **filters)

    def iterate(self, **filters: str | None) -> Iterator[Job]:
        """Every job, the newest first; filters as in :meth:`list`."""
        return self._transport.iterate(Job, BASE, **filters)

    def retry(self, job_id: str) -> Job:
        """Go on with a job that failed or was cancelled: a new job, from the newest checkpoint of that one."""
        return self._transport.post(Job, f"{BASE}/{job_id}/retry")

    def repeat(self, manifest: str | Mapping[str, Any], **replaced: Any) -> Job:
        """Run a job again exactly: by its id, or by the manifest that it left. replaced: name, priority, metadata."""
        return self._transport.post(Job, BASE, {"from_manifest": manifest, **replaced})

    def diff(self, job_id: str, other: str) -> JobDiff:
        """Where two jobs differ."""
        return self._transport.get(JobDiff, f"{BASE}/{job_id}/diff", other=other)

    def logs(self, job_id: str, *, tail: int | None = None) -> str:
        """The log as text, while the job runs and after; all of it, or so many lines of the end."""
        params = {} if tail is None else {"tail": tail}
        answer = self._transport.send("GET", f"{BASE}/{job_id}/logs", params=params)
        return answer.text

    def checkpoints(self, job_id: str) -> List[Checkpoint]:
        """The states that its trainings could go on from, oldest first."""
        return self._transport.get(List[Checkpoint], f"{BASE}/{job_id}/checkpoints")

    def previews(self, job_id: str) -> Iterator[Preview]:
        """The pictures that were drawn while it trained, oldest first."""
        return self._transport.iterate(Preview, f"{BASE}/{job_id}/previews")

    def preview(self, job_id: str, preview_id: str, target: Path) -> Path:
        """Download one picture, as PNG."""
        return save(self._transport, f"{BASE}/{job_id}/previews/{preview_id}", target)

    def cancel(self, job_id: str) -> Job:
        """Wish a job to stop."""
        return self._transport.post(Job, f"{BASE}/{job_id}/cancel")

    def follow(self, job_id: str, *, after: str | None = None) -> Iterator[Event]:
        """Events as they happen, up to `done`; none is missed when the server restarts meanwhile.

        after: the id of the last event already seen. Raises Unreachable when the server stays away.
        """
        failures = Failures(self._transport)
        while True:
            try:
                with closing(self._stream(job_id, after)) as events:
                    for event in events:
                        yield event
                        after = event.id
                        failures.forget()
                        if event.type == "done":
                            return
                job = self.get(job_id)
                if job.status in ENDED:
                    return
            except httpx.TransportError as error:
                failures.bear(error)

    def wait(self, job_id: str) -> Job:
        """Until the job has ended."""
        for _ in self.follow(job_id):
            pass
        return self.get(job_id)

    def artifacts(self, job_id: str) -> List[File]:
        """The files that a job left."""
        return self._transport.get(List[File], f"{BASE}/{job_id}/artifacts")

    def artifact(self, job_id: str, name: str, target: Path) -> Path:
        """Download one file; it is compared with its hash, and whole or absent."""
        return save(self._transport, f"{BASE}/{job_id}/artifacts/{name}", target)

    def _stream(self, job_id: str, after: str | None) -> Generator[Event, None, None]:
        answer = self._transport.send(
            "GET",
            f"{BASE}/{job_id}/events",
            stream=True,
            headers=stream_headers(after),
            timeout=httpx.Timeout(self._transport.http.timeout.connect, read=SILENCE_S),
        )
        with closing(answer):
            for line in answer.iter_lines():
                if (event := event_of(line)) is not None:
                    yield event
