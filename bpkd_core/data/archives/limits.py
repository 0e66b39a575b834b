"""How much may come out of an archive."""

from __future__ import annotations

from dataclasses import dataclass

from bpkd_core.data.archives.names import bad_entry
from bpkd_core.errors import UnsafeArchive

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is unpacked. ratio: bytes out for each byte of the archive, once they are more than `free_bytes`.

    The images of a dataset are compressed already, so that an honest archive of them hardly shrinks; masks of few
    classes do, by a factor of some ten.
    """

    entries: int = 1_000_000
    file_bytes: int = 512 * MIB
    total_bytes: int = 1024 * 1024 * MIB
    ratio: int = 100
    free_bytes: int = 64 * MIB
    depth: int = 16


class Meter:
    """Counts what comes out of one archive. Every method raises UnsafeArchive beyond the limits."""

    def __init__(self, limits: Limits, archive_bytes: int) -> None:
        self._limits = limits
        self._most = min(limits.total_bytes, max(limits.free_bytes, limits.ratio * archive_bytes))
        self.files = 0
        self.bytes = 0
        self._entries = 0
        self._file_bytes = 0

    def enter(self) -> None:
        """One entry more, be it a file or a folder."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise UnsafeArchive(f"The archive has more than {self._limits.entries:,} entries; split it.")

    def begin(self) -> None:
        """A file begins."""
        self.files += 1
        self._file_bytes = 0

    def count(self, size: int, name: str) -> None:
        """That many bytes more of the file."""
        self.bytes += size
        self._file_bytes += size
        if self._file_bytes > self._limits.file_bytes:
            raise bad_entry(name, f"is larger than {self._limits.file_bytes // MIB} MiB", "images and masks")
        if self.bytes > self._most:
            why = f"takes the archive beyond {self._most // MIB} MiB, far more than its own size lets expect"
            raise bad_entry(name, why, "images and masks as they are")
