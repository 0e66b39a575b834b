"""Jobs and their events, as a store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from service.domain.events import NoteType, StoredEvent
from service.domain.idempotency import Once
from service.domain.jobs import Job, Status
from service.domain.lifecycle import Move
from service.domain.ports.base import Listing, Page


@dataclass(frozen=True)
class JobFilter:
    """Only jobs for which every given field is equal."""

    status: Status | None = None
    dataset_id: str | None = None
    model: str | None = None


EVERY_JOB = JobFilter()


class Jobs(Protocol):
    """Jobs, and the right to work on them."""

    def add(self, job: Job, *, once: Once | None = None) -> Job:
        """Store a queued job, its first event and the idempotency key in one transaction.

        A key that already made a job gives that job back and stores nothing. Raises IdempotencyMismatch, and NotFound
        for an unknown dataset.
        """
        ...

    def get(self, job_id: str) -> Job:
        """One job."""
        ...

    def list(self, page: Page, where: JobFilter = EVERY_JOB) -> Listing[Job]:
        """Jobs by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Job | None:
        """Take the oldest queued job, or None if there is none. Two callers never get the same."""
        ...

    def change(self, job_id: str, move: Move, *, fence: int | None) -> Job:
        """Apply a move, and write the job, its events and the version it publishes.

        fence: the holder's; the move happens only while this fence holds, else FenceLost. None: a move that anybody may
        make, such as :func:`service.domain.lifecycle.cancel`.
        """
        ...

    def reap(self) -> Sequence[Job]:
        """Take back every job whose lease ran out (see :func:`service.domain.lifecycle.recover`); those that moved."""
        ...


class Events(Protocol):
    """What happened to jobs. They are written by :class:`Jobs`, together with the change that they tell of."""

    def after(
        self, job_id: str, seq: int = 0, *, limit: int = 100, types: Sequence[NoteType] = ()
    ) -> Sequence[StoredEvent]:
        """Events with a greater `seq`, in order; `types` keeps only some."""
        ...
