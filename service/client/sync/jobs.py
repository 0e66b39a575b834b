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
from service.schemas import Event, File, Job, JobPlan, JobRequest, List

BASE = "/v1/jobs"


class Jobs:
    """`client.jobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, request: JobRequest | Mapping[str, Any]) -> Job:
        """Submit a job."""
        return self._transport.post(Job, BASE, request)

    def plan(self, request: JobRequest | Mapping[str, Any]) -> JobPlan:
        """What a job would do; nothing is stored."""
        return self._transport.post(JobPlan, BASE, request, dry_run=True)

    def get(self, job_id: str) -> Job:
        """One job and where it stands."""
        return self._transport.get(Job, f"{BASE}/{job_id}")

    def list(self, *, limit: int = 20, after: str | None = None, status: str | None = None) -> List[Job]:
        """One page of jobs, the newest first."""
        return self._transport.get(List[Job], BASE, limit=limit, after=after, status=status)

    def iterate(self, *, status: str | None = None) -> Iterator[Job]:
        """Every job, the newest first."""
        return self._transport.iterate(Job, BASE, status=status)

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
