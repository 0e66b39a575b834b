"""From an archive to files below a folder."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from bpkd_core.data.archives.limits import Limits, Meter
from bpkd_core.data.archives.names import Names
from bpkd_core.data.archives.tars import read_tar
from bpkd_core.data.archives.zips import read_zip
from bpkd_core.errors import StorageFull, UnsafeArchive

BLOCK_BYTES = 1 << 18
ZIP_MAGICS = (b"PK\3\4", b"PK\5\6")
GZIP_MAGIC = b"\x1f\x8b"
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,  # raised by zipfile: a version, a patch or an encryption that it cannot read
)
"""What the readers of zip and tar raise about bytes that are not as they should be."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out."""

    files: int
    bytes: int


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, tar or tar.gz, by its first bytes."""
    return path.is_file() and _kind(path) is not None


def unpack(archive: Path, target: Path, *, limits: Limits | None = None, progress: Progress | None = None) -> Unpacked:
    """Unpack a zip, tar or tar.gz into a folder that is made for it, and is there whole or not at all.

    The bytes decide what it is, not its name. progress(done, total) counts bytes of the archive. Raises UnsafeArchive
    for what is none of these, is damaged, or holds more than regular files under honest names, and StorageFull.
    """
    for leftover in target.parent.glob(f".{target.name}.*"):  # of a process that died here
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unpacked = _unpack(archive, unfinished, limits or Limits(), progress)
        os.sync()  # one call for all of a million files, before anybody deletes the archive
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return unpacked


def _unpack(archive: Path, target: Path, limits: Limits, progress: Progress | None) -> Unpacked:
    size = archive.stat().st_size
    meter, names = Meter(limits, size), Names(depth=limits.depth)
    with _explained(), archive.open("rb") as file:
        target.mkdir(parents=True)
        for name, content in _entries(file, _kind(archive)):
            meter.enter()
            if content is None:
                folder = names.place_folder(name)
                (target / (folder or "")).mkdir(parents=True, exist_ok=True)
                continue
            place = target / names.place_file(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(content, place, name, meter)
            if progress:
                progress(file.tell(), size)
    if not meter.files:
        raise UnsafeArchive("The archive is empty; expected the images and masks of a dataset.")
    return Unpacked(meter.files, meter.bytes)


def _kind(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    if head.startswith(ZIP_MAGICS):
        return "zip"
    if head.startswith(GZIP_MAGIC):
        return "tar.gz"
    return "tar" if head[TAR_MAGIC_AT:] == TAR_MAGIC else None


def _entries(file: IO[bytes], kind: str | None) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Name and content of each entry; None is a folder's content. Contents are read before the next entry is asked."""
    match kind:
        case "zip":
            return read_zip(file)
        case "tar":
            return read_tar(file)
        case "tar.gz":
            return read_tar(cast("IO[bytes]", gzip.GzipFile(fileobj=file)))
        case _:
            raise UnsafeArchive("The file is no archive that is read here; expected zip, tar or tar.gz.")


def _write(content: IO[bytes], place: Path, name: str, meter: Meter) -> None:
    meter.begin()
    with place.open("xb") as file:
        while block := content.read(BLOCK_BYTES):
            meter.count(len(block), name)
            file.write(block)


@contextmanager
def _explained() -> Iterator[None]:
    """Damage and lack of room, as errors of ours."""
    try:
        yield
    except UnsafeArchive:
        raise
    except MemoryError as error:
        raise UnsafeArchive("The archive's list of contents does not fit into memory; split it.") from error
    except DAMAGE as error:
        raise UnsafeArchive(f"The archive is damaged ({error}); make it again, or send it again.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull("No room is left to unpack the archive; free some space on the disk") from error
