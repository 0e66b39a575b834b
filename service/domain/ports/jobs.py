"""Jobs and their events, as a store keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.events import NoteType, StoredEvent
from service.domain.idempotency import Once
from service.domain.jobs import Job, Status
from service.domain.lifecycle import Move
from service.domain.ports.base import Listing, Page
from service.domain.webhooks import Webhook


@dataclass(frozen=True)
class JobFilter:
    """Only jobs for which every given field holds.

    name_prefix: case counts. metadata: one pair that the job must have. created_from, created_before: the second is
    not included any more.
    """

    status: Status | None = None
    dataset_id: str | None = None
    teacher_id: str | None = None
    model: str | None = None
    name_prefix: str | None = None
    metadata: tuple[str, str] | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    @property
    def equal(self) -> Mapping[str, str]:
        """The fields of a job that must have one value."""
        wanted = {name: getattr(self, name) for name in ("status", "dataset_id", "teacher_id", "model")}
        return {name: value for name, value in wanted.items() if value is not None}

    def admits(self, job: Job) -> bool:
        """Whether a job is wanted: what every store does, in its plainest form."""
        return (
            all(getattr(job, name) == value for name, value in self.equal.items())
            and job.name.startswith(self.name_prefix or "")
            and (self.metadata is None or self.metadata in job.metadata.items())
            and (self.created_from is None or self.created_from <= job.created_at)
            and (self.created_before is None or job.created_at < self.created_before)
        )


EVERY_JOB = JobFilter()


class Jobs(Protocol):
    """Jobs, and the right to work on them."""

    def add(self, job: Job, *, once: Once | None = None, webhooks: Sequence[Webhook] = ()) -> Job:
        """Store a queued job, its first event, its own webhooks and the idempotency key in one transaction.

        A key that already made a job gives that job back and stores nothing. Raises IdempotencyMismatch, NotFound for
        an unknown dataset, and QuotaExceeded when `created_by` names an API key that may not queue another job.
        """
        ...

    def get(self, job_id: str) -> Job:
        """One job."""
        ...

    def list(self, page: Page, where: JobFilter = EVERY_JOB) -> Listing[Job]:
        """Jobs by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Job | None:
        """Take the next queued job, or None if there is none. Two callers never get the same.

        Next is the one of the greatest priority; among equals one of the key that has the fewest jobs running; among
        these the oldest. A job whose key runs as many as it may is passed over.
        """
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

    def newest(self, job_id: str, *, limit: int, types: Sequence[NoteType]) -> Sequence[StoredEvent]:
        """The last events of some types, in order."""
        ...
