"""Teachers, as a store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from service.domain.idempotency import Once
from service.domain.ports.base import Listing, Page
from service.domain.teachers import State, Teacher, TeacherMove


@dataclass(frozen=True)
class TeacherFilter:
    """Only teachers for which every given field is equal."""

    state: State | None = None
    dataset_id: str | None = None


EVERY_TEACHER = TeacherFilter()


class Teachers(Protocol):
    """Teachers, and the right to probe them."""

    def add(self, teacher: Teacher, /, *, once: Once | None = None) -> Teacher:
        """Store a teacher. `once` as in :meth:`Jobs.add`. Raises NotFound for an unknown dataset."""
        ...

    def get(self, teacher_id: str, /) -> Teacher:
        """One teacher."""
        ...

    def list(self, page: Page, where: TeacherFilter = EVERY_TEACHER) -> Listing[Teacher]:
        """Teachers by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Teacher | None:
        """Take the oldest teacher that waits for its probe, or None."""
        ...

    def change(self, teacher_id: str, move: TeacherMove, /, *, fence: int | None) -> Teacher:
        """As :meth:`Jobs.change`; who holds a teacher that was deleted has lost it (FenceLost)."""
        ...

    def reap(self) -> Sequence[Teacher]:
        """Take back every probe whose lease ran out; those that moved."""
        ...

    def delete(self, teacher_id: str, /) -> None:
        """Forget a teacher. Raises Conflict while a job that has not ended refers to it."""
        ...
