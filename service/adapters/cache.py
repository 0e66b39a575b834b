"""Local copies of artifacts that live elsewhere, the least recently used ones dropped beyond a size."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bpkd_core.bundle import FileInfo
from service.adapters.files import FileArtifacts
from service.domain.errors import NotFound

_IN_USE_S = 60
"""A file that was asked for within this time may not be open yet: it stays, even if the folder grows too large."""


class Cache:
    """A folder of at most `limit_bytes`. What it holds was hashed while it was written: a name never lies."""

    def __init__(self, root: Path, *, limit_bytes: int) -> None:
        self._root = root
        self._files = FileArtifacts(root)
        self._limit_bytes = limit_bytes

    def find(self, sha256: str) -> Path | None:
        """The copy, which counts as used now; None if there is none."""
        with suppress(NotFound, FileNotFoundError):  # the latter: it was dropped between two lines
            path = self._files.path(sha256)
            os.utime(path)
            return path
        return None

    def keep(self, source: Path) -> tuple[FileInfo, Path]:
        """Copy a file in."""
        return self._kept(self._files.keep(source))

    def keep_blocks(self, blocks: Iterable[bytes]) -> tuple[FileInfo, Path]:
        """Write what an iterator yields."""
        return self._kept(self._files.keep_blocks(blocks))

    def drop(self, sha256: str) -> None:
        """Forget a copy."""
        with suppress(NotFound):
            self._files.path(sha256).unlink(missing_ok=True)

    def trim(self, now: datetime) -> None:
        """Drop the least recently used copies until the folder fits."""
        self._files.sweep(now)
        unused = now - timedelta(seconds=_IN_USE_S)
        copies = sorted(_copies(self._root), key=lambda copy: copy[1])
        excess = sum(size for _, _, size in copies) - self._limit_bytes
        for path, used_at, size in copies:
            if excess <= 0 or used_at > unused.timestamp():
                return
            path.unlink(missing_ok=True)
            excess -= size

    def _kept(self, info: FileInfo) -> tuple[FileInfo, Path]:
        path = self.find(info.sha256)
        assert path is not None, "it was written a moment ago, and what is in use stays"
        self.trim(datetime.now(UTC))
        return info, path


def _copies(root: Path) -> Iterable[tuple[Path, float, int]]:
    for path in root.glob("??/*"):
        with suppress(FileNotFoundError):
            found = path.stat()
            yield path, found.st_mtime, found.st_size
