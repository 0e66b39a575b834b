"""Uploads on a disk that has no more room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.adapters.uploads import FileUploads
from service.domain.errors import StorageFull, Unavailable


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process can grow beyond that: the kernel refuses the write as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_f16_what_fitted_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    """The sender hears of it at once, and sends the rest when there is room."""
    uploads = FileUploads(tmp_path)
    growing = uploads.grow("ds_1", first=0)
    growing.write(b"a" * 600)
    with room_for(1000), pytest.raises(StorageFull, match="No room"):
        growing.write(b"b" * 600)
    growing.close()
    assert uploads.held("ds_1") == 1000
    growing = uploads.grow("ds_1", first=1000)
    growing.write(b"b" * 200)
    assert growing.finish().path.read_bytes() == b"a" * 600 + b"b" * 600


def test_f17_a_folder_that_takes_no_files_is_no_fault_of_the_sender(tmp_path: Path) -> None:
    """Something else lies where it should be; the sentence says that it is the server's disk."""
    (tmp_path / "uploads").write_text("not a folder")
    with pytest.raises(Unavailable, match="does not take files"):
        FileUploads(tmp_path / "uploads").grow("ds_1", first=0)
