"""Workers, files and the broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from bpkd_core.bundle import FileInfo
from service.domain.workers import Worker


class Workers(Protocol):
    """The processes that work."""

    def beat(self, worker: Worker) -> None:
        """Write that a worker is alive, with `seen_at` by the store's clock."""
        ...

    def leave(self, worker_id: str) -> None:
        """Forget a worker that goes away. An unknown one is no error."""
        ...

    def list(self, *, seen_within_s: float = 60.0) -> Sequence[Worker]:
        """Workers that were seen lately, by id."""
        ...


class Artifacts(Protocol):
    """Files that never change, named by the sha256 of their bytes.

    A file is whole or absent, and nobody can overwrite one: a zombie that stores its files late changes nothing.
    Records (job, version, event) map human names to hashes. Files that no record names are set aside first and deleted
    later (:mod:`service.domain.upkeep`): in between, whoever asks for one finds it.
    """

    def keep(self, source: Path) -> FileInfo:
        """Copy a file in, durably."""
        ...

    def keep_bytes(self, data: bytes) -> FileInfo:
        """Store bytes, durably."""
        ...

    def path(self, sha256: str) -> Path:
        """A local path to read the bytes from; one that was set aside comes back. Raises NotFound."""
        ...

    def kept(self, *, before: datetime) -> Iterator[str]:
        """Hashes of the files that were kept before a time, without those that are set aside."""
        ...

    def set_aside(self, sha256: str) -> None:
        """Take a file out of the way. An unknown one is no error, here and below."""
        ...

    def aside(self, *, before: datetime) -> Iterator[str]:
        """Hashes of the files that were set aside before a time."""
        ...

    def bring_back(self, sha256: str) -> None:
        """Undo setting aside."""
        ...

    def delete(self, sha256: str) -> None:
        """Delete a file that is set aside."""
        ...


class Hints(Protocol):
    """A nudge to whoever waits for work. The database is the truth: a hint may be lost, doubled or late."""

    def hint(self, kind: Literal["job", "dataset", "teacher"]) -> None:
        """Say that there is work. Never raises, returns quickly."""
        ...
