"""Artifacts on the local file system, each file named by the sha256 of its bytes.

::

    <root>/ab/abcdef...     a kept file
           aside/abcdef...  one that no record named; it goes after a while unless somebody asks for it
           incoming/        what is being written
"""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bpkd_core.bundle import FileInfo, sync_folder
from service.domain.errors import NotFound, StorageFull, Unavailable

_BLOCK_BYTES = 1 << 20
_LEFTOVER_S = 24 * 3600
SHA256 = re.compile("[0-9a-f]{64}")


class FileArtifacts:
    """The port Artifacts. A file is written under another name, synced, and renamed: it is whole or absent."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._aside = root / "aside"

    def keep(self, source: Path) -> FileInfo:
        with source.open("rb") as file:
            return self.keep_blocks(iter(lambda: file.read(_BLOCK_BYTES), b""))

    def keep_bytes(self, data: bytes) -> FileInfo:
        return self.keep_blocks([data])

    def keep_blocks(self, blocks: Iterable[bytes]) -> FileInfo:
        """Store what an iterator yields, durably. An error of the iterator leaves nothing behind."""
        try:
            return self._write(blocks)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("No room is left for artifacts; free some space on their disk") from error
            raise Unavailable(f"The artifacts' folder does not take files ({error.strerror})") from error

    def path(self, sha256: str) -> Path:
        if SHA256.fullmatch(sha256):
            place = self._place(sha256)
            if not place.is_file():
                self.bring_back(sha256)
            if place.is_file():
                return place
        raise NotFound.of("artifact", sha256)

    def kept(self, *, before: datetime) -> Iterator[str]:
        return _older(self._root.glob("??/*"), before)

    def set_aside(self, sha256: str) -> None:
        place = self._place(sha256)
        self._aside.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.utime(place)  # its time aside begins now
            place.replace(self._aside / sha256)

    def aside(self, *, before: datetime) -> Iterator[str]:
        return _older(self._aside.glob("*"), before)

    def bring_back(self, sha256: str) -> None:
        with suppress(FileNotFoundError):
            (self._aside / sha256).replace(self._place(sha256))

    def delete(self, sha256: str) -> None:
        (self._aside / sha256).unlink(missing_ok=True)

    def sweep(self, now: datetime) -> None:
        """Delete what processes that died while writing left behind, once it is a day old."""
        for leftover in self._incoming.glob("*"):
            with suppress(FileNotFoundError):  # another process sweeps too
                if now.timestamp() - leftover.stat().st_mtime > _LEFTOVER_S:
                    leftover.unlink()

    def _write(self, blocks: Iterable[bytes]) -> FileInfo:
        self._incoming.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in blocks:
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
                info = FileInfo(sha256=digest.hexdigest(), size=file.tell())
            place = self._place(info.sha256)
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                temporary.chmod(0o444)
                temporary.replace(place)
                sync_folder(place.parent)
                sync_folder(self._root)
            return info
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


def _older(paths: Iterable[Path], before: datetime) -> Iterator[str]:
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                yield path.name
