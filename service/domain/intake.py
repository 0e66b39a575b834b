"""How the files of datasets come and go: an archive is taken in, and everything goes with its record."""

from __future__ import annotations

from service.domain.datasets import Dataset, accept, require_wait_for_content
from service.domain.ports import DatasetFolders, Datasets, Hints, Uploads
from service.domain.uploads import Received


def take_in(datasets: Datasets, folders: DatasetFolders, hints: Hints, dataset_id: str, received: Received) -> Dataset:
    """All of an archive has come: its validation starts. Raises Conflict where none is waited for."""
    require_wait_for_content(datasets.get(dataset_id))
    folders.take(dataset_id, received.path)
    stored = datasets.change(dataset_id, accept, fence=None)
    hints.hint("dataset")
    return stored


def forget(datasets: Datasets, folders: DatasetFolders, uploads: Uploads, dataset_id: str) -> None:
    """Delete a dataset; files that were uploaded go, a folder that was registered stays. Raises Conflict if in use."""
    datasets.delete(dataset_id)
    uploads.discard(dataset_id)
    folders.remove(dataset_id)
