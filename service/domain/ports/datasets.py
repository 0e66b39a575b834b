"""Datasets, as a store keeps them, and the files of those that were uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from service.domain.datasets import Dataset, DatasetMove, State
from service.domain.idempotency import Once
from service.domain.ports.base import Listing, Page


class Datasets(Protocol):
    """Datasets, and the right to validate them."""

    def add(self, dataset: Dataset, /, *, once: Once | None = None) -> Dataset:
        """Store a dataset that waits for its validation or its content. `once` as in :meth:`Jobs.add`."""
        ...

    def get(self, dataset_id: str, /) -> Dataset:
        """One dataset."""
        ...

    def list(self, page: Page, *, state: State | None = None) -> Listing[Dataset]:
        """Datasets by id, which is by age."""
        ...

    def claim(self, owner: str, *, lease_s: float) -> Dataset | None:
        """Take the oldest dataset that waits for a check, or None."""
        ...

    def change(self, dataset_id: str, move: DatasetMove, /, *, fence: int | None) -> Dataset:
        """As :meth:`Jobs.change`."""
        ...

    def reap(self) -> Sequence[Dataset]:
        """Take back every check whose lease ran out; those that moved."""
        ...

    def delete(self, dataset_id: str, /) -> Dataset:
        """Hide it from every method, :meth:`Jobs.add` included. Raises Conflict that names what still refers to it.

        A job that is not ended refers to it, and so does every version that was trained on it.
        """
        ...


class DatasetFolders(Protocol):
    """Where the files of uploaded datasets lie, for the API that takes them in and the worker that unpacks them."""

    def place(self, dataset_id: str) -> Path:
        """The folder of the unpacked files, there or not."""
        ...

    def archive(self, dataset_id: str) -> Path:
        """The archive that was uploaded, there or not."""
        ...

    def take(self, dataset_id: str, archive: Path) -> None:
        """Move an archive that has come whole to its place."""
        ...

    def remove(self, dataset_id: str) -> None:
        """Delete all that lies there. An unknown dataset is no error."""
        ...
