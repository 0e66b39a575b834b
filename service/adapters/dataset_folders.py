"""Uploaded datasets on the local file system: `<root>/<id>/archive`, and `<root>/<id>/files` once it is unpacked."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import shutil
from pathlib import Path


class FileDatasetFolders:
    """The port DatasetFolders. API and worker see the same root: the home that they share."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, dataset_id: str) -> Path:
        return self._root / dataset_id / "files"

    def archive(self, dataset_id: str) -> Path:
        return self._root / dataset_id / "archive"

    def take(self, dataset_id: str, archive: Path) -> None:
        target = self.archive(dataset_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.replace(target)

    def remove(self, dataset_id: str) -> None:
        shutil.rmtree(self._root / dataset_id, ignore_errors=True)
