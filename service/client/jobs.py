"""Jobs, as the client sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from service.client.errors import Unreachable
from service.client.files import save
from service.client.transport import Transport
from service.schemas import Event, File, Job, JobPlan, JobRequest, List

ENDED = frozenset({"succeeded", "failed", "cancelled"})
SILENCE_S = 60.0
"""The server sends a sign of life every 15 seconds; after this long the connection is taken for dead."""


class Jobs:
    """`client.jobs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, request: JobRequest | Mapping[str, Any]) -> Job:
        """Submit a job."""
        return Job.model_validate_json(self._transport.post("/v1/jobs", _body(request)).content)

    def plan(self, request: JobRequest | Mapping[str, Any]) -> JobPlan:
        """What a job would do; nothing is stored."""
        answer = self._transport.post("/v1/jobs", _body(request), dry_run=True)
        return JobPlan.model_validate_json(answer.content)

    def get(self, job_id: str) -> Job:
        """One job and where it stands."""
        return Job.model_validate_json(self._transport.get(f"/v1/jobs/{job_id}").content)

    def list(self, *, limit: int = 20, after: str | None = None, status: str | None = None) -> List[Job]:
        """Jobs, the newest first."""
        answer = self._transport.get("/v1/jobs", limit=limit, after=after, status=status)
        return List[Job].model_validate_json(answer.content)

    def cancel(self, job_id: str) -> Job:
        """Wish a job to stop."""
        return Job.model_validate_json(self._transport.post(f"/v1/jobs/{job_id}/cancel").content)

    def follow(self, job_id: str, *, after: str | None = None) -> Iterator[Event]:
        """Events as they happen, up to `done`; none is missed when the server restarts meanwhile.

        after: the id of the last event already seen. Raises Unreachable when the server stays away.
        """
        failures = 0
        while True:
            try:
                for event in self._stream(job_id, after):
                    yield event
                    after, failures = event.id, 0
                    if event.type == "done":
                        return
                if self.get(job_id).status in ENDED:
                    return
            except httpx.TransportError as error:
                failures += 1
                if failures >= self._transport.patience.tries:
                    raise Unreachable(f"The stream of job {job_id} broke off ({error}) again and again") from error
                self._transport.patience.wait(failures)

    def wait(self, job_id: str) -> Job:
        """Until the job has ended."""
        for _ in self.follow(job_id):
            pass
        return self.get(job_id)

    def artifacts(self, job_id: str) -> List[File]:
        """The files that a job left."""
        return List[File].model_validate_json(self._transport.get(f"/v1/jobs/{job_id}/artifacts").content)

    def artifact(self, job_id: str, name: str, target: Path) -> Path:
        """Download one file; it is compared with its hash, and whole or absent."""
        return save(self._transport, f"/v1/jobs/{job_id}/artifacts/{name}", target)

    def _stream(self, job_id: str, after: str | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        timeout = httpx.Timeout(self._transport.http.timeout.connect, read=SILENCE_S)
        answer = self._transport.send("GET", f"/v1/jobs/{job_id}/events", stream=True, headers=headers, timeout=timeout)
        with closing(answer):
            yield from _events(answer.iter_lines())


def _body(request: JobRequest | Mapping[str, Any]) -> Any:
    return request.model_dump(mode="json", by_alias=True) if isinstance(request, JobRequest) else dict(request)


def _events(lines: Iterable[str]) -> Iterator[Event]:
    """The `data` of each event; its id and type are repeated inside, so the other fields need not be read."""
    for line in lines:
        if line.startswith("data:"):
            yield Event.model_validate_json(line.removeprefix("data:"))
