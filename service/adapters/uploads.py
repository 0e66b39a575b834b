"""Uploads on the local file system: `<root>/<id>` while it grows, `<root>/<id>.whole` once everything has come.

The file's own size says how much is held, so there is nothing that could disagree with it after a crash. A lock of the
kernel's, which ends with its process, keeps two requests from writing into one upload.
"""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from bpkd_core.bundle import sync_folder
from service.domain.errors import Conflict, StorageFull, Unavailable, WrongOffset
from service.domain.uploads import DEAD_S, Received

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileUploads:
    """The port Uploads."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def held(self, record_id: str) -> int:
        return _size(self._root / record_id)

    def whole(self, record_id: str) -> Received | None:
        path = self._whole(record_id)
        with suppress(FileNotFoundError), path.open("rb") as file:
            return Received(path, _size(path), hashlib.file_digest(file, "sha256").hexdigest())
        return None

    def grow(self, record_id: str, *, first: int, total: int | None = None) -> GrowingFile:
        with _translated():
            self._root.mkdir(parents=True, exist_ok=True)
            if total is not None and shutil.disk_usage(self._root).free < total - first:
                raise StorageFull(f"{total - first} bytes are to come and the disk has no room for them")
            growing = GrowingFile(self._root / record_id, self._whole(record_id))
        try:
            growing.start_at(first)
        except BaseException:
            growing.close()
            raise
        return growing

    def discard(self, record_id: str) -> None:
        for path in (self._root / record_id, self._whole(record_id)):
            path.unlink(missing_ok=True)

    def sweep(self, now: datetime) -> None:
        for path in self._root.glob("*"):
            with suppress(FileNotFoundError):  # another process sweeps too
                if now.timestamp() - path.stat().st_mtime > DEAD_S:
                    path.unlink()

    def _whole(self, record_id: str) -> Path:
        return self._root / f"{record_id}.whole"


class GrowingFile:
    """The port Growing. Raises Conflict where somebody else holds the file."""

    def __init__(self, path: Path, whole: Path) -> None:
        self._path, self._whole = path, whole
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
        self._digest = None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._in_place():
                raise BlockingIOError  # its last writer finished it between our opening and our locking
        except BlockingIOError as error:
            self._file.close()
            raise Conflict("Another request sends this upload now; wait for its end and ask what is held") from error

    def start_at(self, first: int) -> None:
        """Go to byte `first`. Raises WrongOffset unless that is where the file ends, or the start."""
        held = os.fstat(self._file.fileno()).st_size
        if first == 0:
            self._file.truncate(0)
            self._digest = hashlib.sha256()
        elif first != held:
            raise WrongOffset.of(first, held)
        self._file.seek(first)

    def write(self, data: bytes) -> None:
        with _translated():
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        if self._digest is not None:
            self._digest.update(data)

    def finish(self) -> Received:
        with _translated():
            os.fsync(self._file.fileno())
            size = self._file.tell()
            if self._digest is None:  # it came in pieces; one look at the disk is cheaper than one for each piece
                self._file.seek(0)
                self._digest = hashlib.file_digest(self._file, "sha256")
            if not self._in_place():
                raise Conflict("The upload was given up while it came, or what it is for was deleted; begin anew")
            self._path.replace(self._whole)
            sync_folder(self._whole.parent)
        self.close()
        return Received(self._whole, size, self._digest.hexdigest())

    def close(self) -> None:
        self._file.close()

    def _in_place(self) -> bool:
        """Whether the file still lies under its name: it may have been finished, or discarded, by somebody else."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("No room is left for uploads; free some space on their disk and go on") from error
        raise Unavailable(f"The folder of uploads does not take files ({error.strerror})") from error
