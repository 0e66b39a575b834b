"""Jobs and their events in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from service.adapters.memory.datasets import MemoryDatasets
from service.adapters.memory.models import MemoryModels
from service.adapters.memory.store import MemoryStore, paged
from service.adapters.memory.webhooks import announce, subscribe
from service.domain import lifecycle
from service.domain.errors import NotFound
from service.domain.events import StoredEvent
from service.domain.idempotency import Once
from service.domain.jobs import Job, Status
from service.domain.keys import refuse_queued
from service.domain.leases import LEASE_EXPIRED
from service.domain.lifecycle import Change, Move
from service.domain.ports import EVERY_JOB, JobFilter, Listing, Page
from service.domain.webhooks import Webhook


class MemoryJobs:
    """The port Jobs."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def add(self, job: Job, *, once: Once | None = None, webhooks: Sequence[Webhook] = ()) -> Job:
        with self._store.lock:
            MemoryDatasets(self._store).get(job.dataset_id)
            if once is not None:
                known = self._store.recall(once)
                if known is not None and known.resource_id is not None:
                    return self.get(known.resource_id)
            if job.teacher_id is not None and job.teacher_id not in self._store.teachers:
                raise NotFound.of("teacher", job.teacher_id)
            key = self._store.keys.get(job.created_by or "")
            if key is not None and key.max_queued is not None:
                refuse_queued(self._count("queued")[key.id], key.max_queued)
            if once is not None:
                self._store.remember(once, resource_id=job.id)
            self._store.jobs[job.id] = job
            for webhook in webhooks:
                subscribe(self._store, webhook)
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
            running = self._count("running")
            queued = [
                job for job in self._store.jobs.values() if job.status == "queued" and self._may_start(job, running)
            ]
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

    def _count(self, status: Status) -> Counter[str | None]:
        return Counter(job.created_by for job in self._store.jobs.values() if job.status == status)

    def _may_start(self, job: Job, running: Counter[str | None]) -> bool:
        key = self._store.keys.get(job.created_by or "")
        return key is None or key.max_running is None or running[key.id] < key.max_running

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
