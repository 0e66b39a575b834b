"""The port DatasetFolders, on files."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.adapters.dataset_folders import FileDatasetFolders
from service.domain.ports import DatasetFolders


@pytest.fixture
def folders(tmp_path: Path) -> DatasetFolders:
    return FileDatasetFolders(tmp_path / "datasets")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(b"archive")
    return path


def test_an_archive_is_moved_to_its_place(folders: DatasetFolders, upload: Path) -> None:
    """Moved, not copied: there may be room for one of it only."""
    assert not folders.archive("ds_1").exists()
    folders.take("ds_1", upload)
    assert folders.archive("ds_1").read_bytes() == b"archive"
    assert not upload.exists()


def test_the_place_of_the_files_is_free_and_its_folder_there(folders: DatasetFolders, upload: Path) -> None:
    """Whoever unpacks makes it whole under another name beside it, and renames."""
    folders.take("ds_1", upload)
    assert not folders.place("ds_1").exists()
    folders.place("ds_1").mkdir()


def test_datasets_have_nothing_in_common(folders: DatasetFolders, upload: Path) -> None:
    """Removing one leaves the other as it is; removing what is not there is no error."""
    folders.take("ds_1", upload)
    folders.place("ds_2").mkdir(parents=True)
    folders.remove("ds_2")
    folders.remove("ds_2")
    assert folders.archive("ds_1").exists()
    assert not folders.place("ds_2").exists()
    folders.remove("ds_1")
    assert not folders.archive("ds_1").parent.exists()
