"""Datasets, as a store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.datasets import Dataset, DatasetMove, State
from service.domain.idempotency import Once
from service.domain.ports.base import Listing, Page


class Datasets(Protocol):
    """Datasets, and the right to validate them."""

    def add(self, dataset: Dataset, *, once: Once | None = None) -> Dataset:
        """Store a dataset that waits for its validation. `once` as in :meth:`Jobs.add`."""
        ...

    def get(self, dataset_id: str) -> Dataset:
        """One dataset."""
        ...

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        """Datasets by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        """Take the oldest dataset that waits for a check, or None."""
        ...

    def change(self, dataset_id: str, move: DatasetMove, *, fence: int | None) -> Dataset:
        """As :meth:`Jobs.change`."""
        ...

    def reap(self) -> Sequence[Dataset]:
        """Take back every check whose lease ran out; those that moved."""
        ...
