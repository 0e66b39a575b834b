"""How a job moves: pure functions from a job and the time to a :class:`Change`. Nothing else changes a job's status.

::

    queued ──claim──> running ──succeed──> succeeded
      │  ^               ├──────fail─────> failed
      │  └─give_back─────┤                    ^
      │  └─recover───────┴──third without progress
      └──cancel──> cancelled <──stop── running, with cancel_requested

The store applies a move under a lock, after it has checked the fence, and writes the change in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import BpkdError
from bpkd_core.events import Event
from service.domain.errors import Conflict, Poisoned
from service.domain.events import Note, relayed
from service.domain.jobs import NOTHING, Job, Remains, Status
from service.domain.leases import MAX_ATTEMPTS_WITHOUT_PROGRESS
from service.domain.models import Release, Version
from service.domain.progress import fold


@dataclass(frozen=True)
class Change:
    """What a store writes in one transaction: the job, the events, and the version to publish, if any."""

    job: Job
    notes: tuple[Note, ...] = ()
    release: Release | None = None

    def published(self, version: Version) -> Change:
        """The same change, now that the release has its number."""
        name = {"model": version.model, "version": version.version}
        notes = tuple(replace(note, data={**note.data, **name}) if note.type == "done" else note for note in self.notes)
        return replace(self, job=self.job.evolve(**name), notes=notes)


Move = Callable[[Job, datetime], Change]


def claim(job: Job, now: datetime, *, owner: str, lease_s: float) -> Change:
    """A worker takes a queued job."""
    if job.status != "queued":
        raise Conflict(f"Job {job.id} is {job.status}; only a queued job can be claimed")
    lease = job.lease.take(owner, now, lease_s)
    return _told(job.evolve(status="running", worker=owner, lease=lease, started_at=job.started_at or now))


def beat(job: Job, now: datetime, *, lease_s: float, events: Iterable[Event] = ()) -> Change:
    """The holder is alive, and tells what its trainer said since."""
    notes = relayed(events)
    folded = reduce(lambda state, note: fold(state, note, now), notes, job)
    return Change(folded.evolve(lease=job.lease.renew(now, lease_s)), notes)


def succeed(
    job: Job,
    now: datetime,
    *,
    result: Mapping[str, Any],
    files: Mapping[str, FileInfo],
    release: Release | None,
) -> Change:
    """The run is done and its files are stored. A wish to cancel came too late."""
    change = _ended(job, now, "succeeded", result=result, files=files, stage=None)
    return replace(change, release=release)


def fail(job: Job, now: datetime, *, error: BpkdError, remains: Remains = NOTHING) -> Change:
    """The run cannot succeed, however often it is tried."""
    told = {**error.to_dict(), "log_tail": remains.log_tail or error.message}
    return _ended(job, now, "failed", error=told, files=remains.files, result=remains.result)


def give_back(job: Job, now: datetime) -> Change:
    """The holder goes away in good order (it was told to stop): no attempt is counted."""
    if job.cancel_requested:
        return _ended(job, now, "cancelled")
    return _told(job.evolve(status="queued", lease=job.lease.release()))


def recover(job: Job, now: datetime, *, reason: str, remains: Remains = NOTHING) -> Change:
    """The holder or its trainer died: another attempt, unless three in a row brought no new checkpoint."""
    if job.cancel_requested:
        return _ended(job, now, "cancelled", files=remains.files)
    futile = job.attempts_without_progress + 1
    job = job.evolve(attempts_without_progress=futile)
    if futile >= MAX_ATTEMPTS_WITHOUT_PROGRESS:
        error = Poisoned(
            f"{futile} attempts in a row ended without a new checkpoint (the last one: {reason})",
            hint="Read the job's log; a job that needs less memory, or a smaller crop, may pass.",
        )
        return fail(job, now, error=error, remains=remains)
    warning = Note("warning", {"code": "attempt_lost", "message": f"Attempt {job.attempt} ended: {reason}"})
    change = _told(job.evolve(status="queued", attempt=job.attempt + 1, lease=job.lease.release()))
    return replace(change, notes=(warning, *change.notes))


def cancel(job: Job, now: datetime) -> Change:
    """Somebody wishes the job to stop: at once when nobody runs it, else with the holder's next heartbeat."""
    if job.ended or job.cancel_requested:
        return Change(job)
    job = job.evolve(cancel_requested=True)
    return _ended(job, now, "cancelled") if job.status == "queued" else _told(job)


def stop(job: Job, now: datetime, *, remains: Remains = NOTHING) -> Change:
    """The holder has stopped its trainer, as was wished."""
    if not job.cancel_requested:
        raise Conflict(f"Job {job.id} was not asked to stop; expected cancel_requested, or give_back")
    return _ended(job, now, "cancelled", files=remains.files)


def queued(job: Job) -> Change:
    """A new job enters the list."""
    return _told(job)


def _told(job: Job) -> Change:
    data: dict[str, Any] = {"status": job.status, "attempt": job.attempt}
    if job.cancel_requested:
        data["cancel_requested"] = True
    return Change(job, (Note("status", data),))


def _ended(job: Job, now: datetime, status: Status, **changes: Any) -> Change:
    change = _told(job.evolve(status=status, finished_at=now, lease=job.lease.release(), **changes))
    done = Note("done", {"status": status, "error": change.job.error})
    return replace(change, notes=(*change.notes, done))
