"""Datasets in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from service.adapters.memory.store import MemoryStore, paged
from service.domain import datasets as checks
from service.domain.datasets import Dataset, DatasetMove, State
from service.domain.errors import NotFound
from service.domain.idempotency import Once
from service.domain.leases import LEASE_EXPIRED
from service.domain.ports import Listing, Page


class MemoryDatasets:
    """The port Datasets."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def add(self, dataset: Dataset, *, once: Once | None = None) -> Dataset:
        with self._store.lock:
            if once is not None:
                known = self._store.recall(once)
                if known is not None and known.resource_id is not None:
                    return self.get(known.resource_id)
                self._store.remember(once, resource_id=dataset.id)
            self._store.datasets[dataset.id] = dataset
            return dataset

    def get(self, dataset_id: str) -> Dataset:
        with self._store.lock:
            dataset = self._store.datasets.get(dataset_id)
            if dataset is None or dataset.deleted_at is not None:
                raise NotFound.of("dataset", dataset_id)
            return dataset

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        with self._store.lock:
            there = [dataset for dataset in self._store.datasets.values() if dataset.deleted_at is None]
            wanted = [dataset for dataset in there if state in (None, dataset.state)]
            return paged(wanted, page, lambda dataset: dataset.id, after=page.after)

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        with self._store.lock:
            waiting = [dataset.id for dataset in self._store.datasets.values() if dataset.waits]
            if not waiting:
                return None
            return self.change(min(waiting), partial(checks.claim, owner=owner, lease_s=lease_s), fence=None)

    def change(self, dataset_id: str, move: DatasetMove, *, fence: int | None) -> Dataset:
        with self._store.lock:
            dataset = self.get(dataset_id)
            if fence is not None:
                dataset.lease.check(fence)
            self._store.datasets[dataset_id] = changed = move(dataset, self._store.now())
            return changed

    def reap(self) -> Sequence[Dataset]:
        with self._store.lock:
            now = self._store.now()
            expired = [dataset for dataset in self._store.datasets.values() if dataset.lease.expired(now)]
            recover = partial(checks.recover, reason=LEASE_EXPIRED)
            return [self.change(dataset.id, recover, fence=dataset.lease.fence) for dataset in expired]

    def delete(self, dataset_id: str) -> Dataset:
        with self._store.lock:
            self.get(dataset_id)
            jobs = {job.id: job for job in self._store.jobs.values() if job.dataset_id == dataset_id}
            versions = [version for history in self._store.versions.values() for version in history]
            teachers = [teacher for teacher in self._store.teachers.values() if teacher.dataset_id == dataset_id]
            users = [job.id for job in jobs.values() if not job.ended]
            users += [teacher.id for teacher in teachers if teacher.state not in checks.CHECKED]
            users += [f"{version.model}@{version.version}" for version in versions if version.job_id in jobs]
            if users:
                raise checks.in_use(dataset_id, sorted(users)[: checks.NAMED])
            return self.change(dataset_id, checks.delete, fence=None)
