"""What happened to a job, in order: notes become stored events with a gapless number per job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from bpkd_core.events import Event, to_line

NoteType = Literal["status", "stage", "metrics", "log", "preview", "checkpoint", "warning", "done"]
RELAYED = frozenset({"stage", "metrics", "log", "preview", "checkpoint", "warning"})
"""The trainer's events that join the job's list. Its `done` and `error` end a run, which is not yet the job's end."""


@dataclass(frozen=True)
class Note:
    """An event that is not stored yet. data: JSON values only."""

    type: NoteType
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class StoredEvent:
    """One event of a job. seq: 1, 2, 3 ... without a gap, in the order in which they became visible."""

    job_id: str
    seq: int
    type: NoteType
    at: datetime
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """`evt_` id; within a job, ids sort like `seq`."""
        return f"evt_{self.job_id.removeprefix('job_')}_{self.seq:08d}"


def relayed(events: Iterable[Event]) -> tuple[Note, ...]:
    """The trainer's events as notes, without those that only its supervisor needs; NaN and infinities become null."""
    return tuple(Note(cast("NoteType", event.type), _as_json(event)) for event in events if event.type in RELAYED)


def _as_json(event: Event) -> dict[str, Any]:
    data = json.loads(to_line(event))
    del data["type"]
    return data
