"""Names in an archive, which are data: each becomes a place below one folder, or the archive is refused."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from bpkd_core.errors import UnsafeArchive

MAX_PART_BYTES = 255  # of every file system in use
MAX_NAME_BYTES = 1024
_DRIVE = re.compile(r"[A-Za-z]:")


class Names:
    """The names that were taken so far. Two that a file system without case, or another Unicode form, would mix up
    cannot both be taken, nor a file where there is a folder.
    """

    def __init__(self, *, depth: int) -> None:
        """depth: the most folders around a file."""
        self._depth = depth
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}

    def place_folder(self, name: str) -> PurePosixPath | None:
        """A folder's place; None for the root itself, which tar likes to name."""
        parts = self._parts(name)
        self._take_folders(parts, name)
        return PurePosixPath(*parts) if parts else None

    def place_file(self, name: str) -> PurePosixPath:
        """A file's place. Raises UnsafeArchive."""
        parts = self._parts(name)
        if not parts:
            raise bad_entry(name, "names no file")
        self._take_folders(parts[:-1], name)
        key = _key(parts)
        if key in self._files or key in self._folders:
            raise bad_entry(name, "comes twice, or differs from another name only by upper and lower case")
        self._files.add(key)
        return PurePosixPath(*parts)

    def _parts(self, name: str) -> list[str]:
        if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
            raise bad_entry(name, "holds control characters, or bytes that are no UTF-8")
        name = name.replace("\\", "/")
        if name.startswith("/") or _DRIVE.match(name):
            raise bad_entry(name, "is absolute")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise bad_entry(name, 'leads out of the archive by ".."')
        if len(parts) > self._depth + 1:
            raise bad_entry(name, f"lies below more than {self._depth} folders")
        if len(name.encode()) > MAX_NAME_BYTES or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
            raise bad_entry(name, "is too long")
        return parts

    def _take_folders(self, parts: list[str], name: str) -> None:
        for end in range(1, len(parts) + 1):
            key, spelled = _key(parts[:end]), "/".join(parts[:end])
            if key in self._files or self._folders.setdefault(key, spelled) != spelled:
                raise bad_entry(name, "lies below a file, or differs from another name only by upper and lower case")


def _key(parts: list[str]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()


def bad_entry(name: str, why: str, expected: str = "plain relative names") -> UnsafeArchive:
    """The refusal of one entry. Its name is shown as ASCII and cut: it is a stranger's."""
    shown = ascii(name[:200])[1:-1]
    return UnsafeArchive(f'The archive\'s entry "{shown}" {why}; expected {expected}.', samples=(shown,))
