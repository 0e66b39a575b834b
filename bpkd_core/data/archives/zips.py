"""The entries of a zip, in the order of its list."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from typing import IO

from bpkd_core.data.archives.names import bad_entry
from bpkd_core.errors import UnsafeArchive

READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MAX_LIST_BYTES = 256 << 20
"""Of the list of contents, which is read into memory whole; a million entries take some hundred million bytes."""
_END, _END_BYTES, _MAX_COMMENT = b"PK\5\6", 22, 65_535
_END64, _BEFORE = b"PK\6\6", 76  # bytes from the larger record to the smaller one
_ENCRYPTED = 0x1


def read_zip(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Names and contents, None for folders. Raises UnsafeArchive for what is no plain file or folder."""
    _refuse_long_list(file)
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.orig_filename  # the other one ends at a zero byte
            _refuse_special(entry, name)
            if entry.is_dir():
                yield name, None
            else:
                with archive.open(entry) as content:
                    yield name, content


def _refuse_special(entry: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise bad_entry(name, "is a link or a device", "regular files")
    if entry.flag_bits & _ENCRYPTED:
        raise bad_entry(name, "is encrypted", "plain files")
    if entry.compress_type not in READABLE:
        raise bad_entry(name, f"is compressed by method {entry.compress_type}", "deflate (8), or none (0)")


def _refuse_long_list(file: IO[bytes]) -> None:
    """The end of a zip says how long its list is, and once more before it in a zip of more than 4 GiB."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _MAX_COMMENT - _BEFORE))
    tail = file.read()
    end = max(0, tail.rfind(_END))
    short, long = tail[end + 12 : end + 16], tail[max(0, end - _BEFORE + 40) : max(0, end - _BEFORE + 48)]
    listed = int.from_bytes(long if tail[end - _BEFORE :].startswith(_END64) else short, "little")
    if listed > MAX_LIST_BYTES:
        raise UnsafeArchive(f"The archive's list of contents has {listed:,} bytes; split it.")
    file.seek(0)
