"""Datasets in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from service.adapters.memory.checks import MemoryChecks
from service.adapters.memory.store import MemoryStore, paged
from service.domain.datasets import CHECKED, NAMED, Dataset, State, delete, in_use
from service.domain.errors import NotFound
from service.domain.ports import Listing, Page


class MemoryDatasets(MemoryChecks[Dataset]):
    """The port Datasets."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, store.datasets, "dataset")

    def get(self, record_id: str) -> Dataset:
        dataset = super().get(record_id)
        if dataset.deleted_at is not None:
            raise NotFound.of("dataset", record_id)
        return dataset

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        with self._store.lock:
            there = [dataset for dataset in self._store.datasets.values() if dataset.deleted_at is None]
            wanted = [dataset for dataset in there if state in (None, dataset.state)]
            return paged(wanted, page, lambda dataset: dataset.id, after=page.after)

    def delete(self, dataset_id: str) -> Dataset:
        with self._store.lock:
            self.get(dataset_id)
            if users := self._users(dataset_id):
                raise in_use(dataset_id, sorted(users)[:NAMED])
            return self.change(dataset_id, delete, fence=None)

    def _users(self, dataset_id: str) -> list[str]:
        jobs = {job.id: job for job in self._store.jobs.values() if job.dataset_id == dataset_id}
        teachers = [teacher for teacher in self._store.teachers.values() if teacher.dataset_id == dataset_id]
        versions = [version for history in self._store.versions.values() for version in history]
        return [
            *(job.id for job in jobs.values() if not job.ended),
            *(teacher.id for teacher in teachers if teacher.state not in CHECKED),
            *(f"{version.model}@{version.version}" for version in versions if version.job_id in jobs),
        ]
