"""A job's copy in one tracker, kept by a thread of its own, so that nothing that a tracker does touches the job."""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

from bpkd_core.events import Event
from service.domain.jobs import Job
from worker.sinks.base import End, OpenSink, Point, Run, Sink

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Points kept for a tracker that is slow; those that come when it is full are left out."""
MAX_BATCH = 500
CLOSE_S = 10.0
"""How long a job's end waits for its mirror; the thread may go on after that, and holds up nothing."""
_MAX_TEXT = 250


class Mirror:
    """Put points in; the thread takes them out. It starts with the block and is told to end with it."""

    def __init__(
        self,
        name: str,
        sink: OpenSink,
        run: Run,
        *,
        clock: Callable[[], float] = time.time,
        close_s: float = CLOSE_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """name: of the tracker, for people. clock: seconds since 1970."""
        self._name, self._open, self._run, self._clock, self._close_s = name, sink, run, clock, close_s
        self._queue: queue.Queue[Point] = queue.Queue(max_waiting)
        self._closing = threading.Event()
        self._end: End | None = None
        self._failure: str | None = None
        self._told = False
        self._thread = threading.Thread(target=self._work, name=f"mirror-{name}", daemon=True)

    def hear(self, event: Event) -> Event | None:
        """Mirror an event of the trainer. The answer, once, is the warning that this is not possible any more."""
        for point in _points(event, self._clock()):
            if self._failure is None and not self._queue.full():
                self._queue.put_nowait(point)
        if self._failure is None or self._told:
            return None
        self._told = True
        message = f"{self._name} does not take this job's metrics, so they are missing there: {self._failure}"
        return Event("warning", {"code": "sink_failed", "message": message})

    def end(self, end: End) -> None:
        """Say how the job ended; without that, its run stays open for the next attempt."""
        self._end = end

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(self._close_s)
        if self._thread.is_alive():
            log.warning("%s has not finished with %s in time", self._name, self._run.job_id)

    def _work(self) -> None:
        try:
            sink = self._open(self._run)
            while not self._closing.is_set() or not self._queue.empty():
                self._pass_on(sink)
            sink.close(self._end)
        except Exception as error:
            self._failure = _in_short(error)
            log.warning("%s is without %s from here on: %s", self._name, self._run.job_id, self._failure)

    def _pass_on(self, sink: Sink) -> None:
        batch: list[Point] = []
        while len(batch) < MAX_BATCH:
            try:
                batch.append(self._queue.get(timeout=0 if batch else 0.2))
            except queue.Empty:
                break
        if batch:
            sink.log(batch)


class Mirrors:
    """All mirrors of one job, as one."""

    def __init__(self, mirrors: Sequence[Mirror]) -> None:
        self._mirrors = mirrors

    def hear(self, event: Event) -> list[Event]:
        """As :meth:`Mirror.hear`; the warnings of all."""
        return [warning for mirror in self._mirrors if (warning := mirror.hear(event)) is not None]

    def end(self, job: Job) -> None:
        """As :meth:`Mirror.end`, for a job that has ended; nothing for one that has not."""
        if (end := end_of(job)) is not None:
            for mirror in self._mirrors:
                mirror.end(end)


def run_of(job: Job) -> Run:
    """A job as trackers see it."""
    wished = {name: value for name, value in job.request.items() if name != "metadata"}
    return Run(job.id, job.name, {name: str(value) for name, value in _flat(wished) if value is not None})


def end_of(job: Job) -> End | None:
    """How a job ended, if it has."""
    if job.status not in ("succeeded", "failed", "cancelled"):
        return None
    facts = {"files": ", ".join(sorted(job.files))}
    if job.model is not None:
        facts["model"] = f"{job.model}@{job.version}"
    scores = {f"result/{name}": float(value) for name, value in _flat(job.result or {}) if _is_number(value)}
    return End(job.status, facts, scores)


def _points(event: Event, now: float) -> Iterator[Point]:
    match event:
        case Event("metrics", {"stage": str(stage), "step": int(step), "values": dict()}):
            values = cast("dict[str, Any]", event.data["values"])
            values = {**values, "images_per_s": event.data.get("images_per_s")}
            yield from (
                Point(_plain(f"{stage}/{name}"), float(v), step, now) for name, v in values.items() if _is_number(v)
            )
        case _:
            pass


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(cast("Mapping[str, Any]", inner), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _plain(name: str) -> str:
    """A name that every tracker takes."""
    return re.sub(r"[^\w./-]", "_", name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_short(error: Exception) -> str:
    """A line for the job's owner, without the password that an address may hold."""
    line = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"//[^/@\s]+@", "//", line)[:_MAX_TEXT]
