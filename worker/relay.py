"""What a trainer says, on its way into its job's record."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import BpkdError, InvalidInput
from bpkd_core.events import Event, parse_line
from service.domain import work
from service.domain.errors import StorageFull, Unavailable
from service.domain.jobs import Job
from service.domain.ports import Jobs
from worker import meters

log = logging.getLogger(__name__)

MAX_PENDING = 1000
"""Events kept while the database is away; the oldest go first. A heartbeat usually carries a handful."""


class Relay:
    """The listener of one held job (see :class:`worker.supervision.Listener`).

    Lines that are no events are a library's chatter and dropped. Of metrics with the same names that follow each other
    within one heartbeat only the last is kept, so that a fast trainer costs no more writes than a slow one.
    """

    def __init__(
        self,
        jobs: Jobs,
        held: Job,
        folder: Path,
        *,
        keep: Callable[[Path], FileInfo],
        lease_s: float,
        write: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """folder: where the trainer's paths start. keep: stores a file among the artifacts. write: into the log."""
        self.error: BpkdError | None = None
        self._jobs, self._held, self._folder, self._keep, self._lease_s = jobs, held, folder, keep, lease_s
        self._write = write
        self._pending: deque[Event] = deque(maxlen=MAX_PENDING)

    @property
    def news(self) -> bool:
        """Whether an event waits."""
        return bool(self._pending)

    def hear(self, line: str) -> None:
        """Keep an event for the next heartbeat; remember the error that the trainer ends with."""
        event = parse_line(line)
        if event is None:
            return
        if event.type == "error":
            self.error = BpkdError.from_dict(event.data)
            self._write(event)
        else:
            self.tell(event)

    def tell(self, event: Event) -> None:
        """Add an event, the trainer's or the worker's own."""
        if self._pending and _supersedes(event, self._pending[-1]):
            self._pending.pop()
        meters.hear(event)
        self._write(event)
        self._pending.append(self._with_picture(event) if event.type == "preview" else event)

    def beat(self) -> bool:
        """Renew the lease and write what waits; if that fails, it waits for the next time."""
        events = tuple(self._pending)
        try:
            job = work.beat(self._jobs, self._held, events, lease_s=self._lease_s)
        except InvalidInput as error:  # half a character, say, which no database takes
            log.warning("%d events of %s are dropped: %s", len(events), self._held.id, error)
            job = work.beat(self._jobs, self._held, lease_s=self._lease_s)
        for _ in events:
            self._pending.popleft()
        return job.cancel_requested

    def _with_picture(self, event: Event) -> Event:
        """A preview's file may be gone tomorrow: keep its bytes and name them by hash."""
        path = (self._folder / str(event.data.get("path"))).resolve()
        if not (path.is_relative_to(self._folder.resolve()) and path.is_file()):
            return _warning("preview_missing", f"There is no picture {path.name} in the trainer's folder")
        try:
            info = self._keep(path)
        except (Unavailable, StorageFull) as error:  # a picture is not worth a training
            return _warning("preview_lost", f"The picture {path.name} could not be kept: {error}")
        return replace(event, data={**event.data, **info.model_dump()})


def _warning(code: str, message: str) -> Event:
    return Event("warning", {"code": code, "message": message})


def _supersedes(new: Event, old: Event) -> bool:
    return new.type == old.type == "metrics" and _signature(new.data) == _signature(old.data)


def _signature(data: Mapping[str, Any]) -> tuple[Any, ...]:
    values = data.get("values")
    return data.get("stage"), sorted(values) if isinstance(values, dict) else None
