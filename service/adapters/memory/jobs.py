"""Jobs and their events in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from service.adapters.memory.datasets import MemoryDatasets
from service.adapters.memory.models import MemoryModels
from service.adapters.memory.store import MemoryStore, paged
from service.adapters.memory.webhooks import announce
from service.domain import lifecycle
from service.domain.errors import NotFound
from service.domain.events import StoredEvent
from service.domain.idempotency import Once
from service.domain.jobs import Job
from service.domain.leases import LEASE_EXPIRED
from service.domain.lifecycle import Change, Move
from service.domain.ports import EVERY_JOB, JobFilter, Listing, Page


class MemoryJobs:
    """The port Jobs."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def add(self, job: Job, *, once: Once | None = None) -> Job:
        with self._store.lock:
            MemoryDatasets(self._store).get(job.dataset_id)
            if once is not None:
                known = self._store.recall(once)
                if known is not None and known.resource_id is not None:
                    return self.get(known.resource_id)
            if job.teacher_id is not None and job.teacher_id not in self._store.teachers:
                raise NotFound.of("teacher", job.teacher_id)
            if once is not None:
                self._store.remember(once, resource_id=job.id)
            return self._write(lifecycle.queued(job))

    def get(self, job_id: str) -> Job:
        with self._store.lock:
            if job_id not in self._store.jobs:
                raise NotFound.of("job", job_id)
            return self._store.jobs[job_id]

    def list(self, page: Page, where: JobFilter = EVERY_JOB) -> Listing[Job]:
        with self._store.lock:
            return paged(filter(where.admits, self._store.jobs.values()), page, lambda job: job.id, after=page.after)

    def claim(self, owner: str, *, lease_s: float) -> Job | None:
        with self._store.lock:
            jobs = self._store.jobs.values()
            running = Counter(job.created_by for job in jobs if job.status == "running")
            queued = [job for job in jobs if job.status == "queued"]
            if not queued:
                return None
            job = min(queued, key=lambda job: (-job.priority, running[job.created_by], job.id))
            return self.change(job.id, partial(lifecycle.claim, owner=owner, lease_s=lease_s), fence=None)

    def change(self, job_id: str, move: Move, *, fence: int | None) -> Job:
        with self._store.lock:
            job = self.get(job_id)
            if fence is not None:
                job.lease.check(fence)
            change = move(job, self._store.now())
            return job if change == Change(job) else self._write(change)

    def reap(self) -> Sequence[Job]:
        with self._store.lock:
            now = self._store.now()
            expired = [job for job in self._store.jobs.values() if job.lease.expired(now)]
            recover = partial(lifecycle.recover, reason=LEASE_EXPIRED)
            return [self.change(job.id, recover, fence=job.lease.fence) for job in expired]

    def _write(self, change: Change) -> Job:
        if change.release is not None:
            version = MemoryModels(self._store).publish(change.release, by=change.job.id)
            change = change.published(version)
        job = change.job
        told = self._store.events.setdefault(job.id, [])
        newest = told[-1].seq if told else 0
        new = [
            StoredEvent(job.id, seq, note.type, self._store.now(), note.data)
            for seq, note in enumerate(change.notes, start=newest + 1)
        ]
        told += new
        self._store.jobs[job.id] = job
        announce(self._store, job, new)
        return job
