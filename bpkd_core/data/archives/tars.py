"""The entries of a tar, read as a stream: nothing that a header says makes us jump."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Self

from bpkd_core.data.archives.names import bad_entry
from bpkd_core.errors import UnsafeArchive

MAX_HEADER_BYTES = 1 << 20
"""Of an entry that only describes the next one: a long name, or pax records. They are read into memory whole."""
_DESCRIBE = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE)


class Header(tarfile.TarInfo):
    """A header that is looked at before anything that it describes is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """From its 512 bytes. Raises UnsafeArchive for what is neither file nor folder."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _DESCRIBE:
            if header.size > MAX_HEADER_BYTES:
                raise UnsafeArchive(f"The archive describes an entry in {header.size:,} bytes; expected a name.")
        elif header.type not in _PLAIN:
            raise bad_entry(header.name, "is a link or a device", "regular files")
        return header


def read_tar(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Names and contents, None for folders. Raises UnsafeArchive for what is neither."""
    with tarfile.open(fileobj=file, mode="r|", tarinfo=Header) as archive:
        while (entry := archive.next()) is not None:
            archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  # it would keep them all
            if entry.isdir():
                yield entry.name, None
                continue
            content = archive.extractfile(entry)
            if content is None or entry.issparse():
                raise bad_entry(entry.name, "has holes", "regular files")
            yield entry.name, content
