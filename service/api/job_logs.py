"""A job's log as an answer: written from its events while it runs, read from its file when it has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from starlette.responses import PlainTextResponse, Response

from bpkd_core.bundle import FileInfo
from service.domain.jobs import Job
from service.domain.logs import LOGGED, log_line
from service.domain.ports import Artifacts, Events

BATCH = 1000
LONGEST = 100_000
"""Lines of a log that is written from events: the newest."""


def live_log(events: Events, job: Job, tail: int | None) -> Response:
    """What the job has said so far."""
    return _text(deque(_lines(events, job.id), tail or LONGEST))


def full_log(artifacts: Artifacts, info: FileInfo, tail: int) -> Response:
    """The end of the file that the job left."""
    with artifacts.path(info.sha256).open(encoding="utf-8", errors="replace") as file:
        return _text(deque(file, tail))


def _lines(events: Events, job_id: str) -> Iterator[str]:
    seq = 0
    while found := events.after(job_id, seq, limit=BATCH, types=LOGGED):
        for event in found:
            seq = event.seq
            if (line := log_line(event.type, event.data, event.at)) is not None:
                yield line + "\n"


def _text(lines: deque[str]) -> Response:
    return PlainTextResponse("".join(lines), headers={"Cache-Control": "no-cache"})
