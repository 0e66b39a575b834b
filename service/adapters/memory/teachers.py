"""Teachers in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from service.adapters.memory.checks import MemoryChecks
from service.adapters.memory.datasets import MemoryDatasets
from service.adapters.memory.store import MemoryStore, paged
from service.domain.idempotency import Once
from service.domain.ports import Listing, Page
from service.domain.ports.teachers import EVERY_TEACHER, TeacherFilter
from service.domain.teachers import Teacher, in_use


class MemoryTeachers(MemoryChecks[Teacher]):
    """The port Teachers."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, store.teachers, "teacher")

    def add(self, record: Teacher, *, once: Once | None = None) -> Teacher:
        with self._store.lock:
            MemoryDatasets(self._store).get(record.dataset_id)
            return super().add(record, once=once)

    def list(self, page: Page, where: TeacherFilter = EVERY_TEACHER) -> Listing[Teacher]:
        def wanted(teacher: Teacher) -> bool:
            return where.state in (None, teacher.state) and where.dataset_id in (None, teacher.dataset_id)

        with self._store.lock:
            return paged(filter(wanted, self._records.values()), page, lambda each: each.id, after=page.after)

    def delete(self, teacher_id: str) -> None:
        with self._store.lock:
            teacher = self.get(teacher_id)
            jobs = [job.id for job in self._store.jobs.values() if job.teacher_id == teacher.id and not job.ended]
            if jobs:
                raise in_use(teacher.id, min(jobs))
            del self._records[teacher.id]
