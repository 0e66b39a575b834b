from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.adapters.files import FileArtifacts
from service.domain.errors import StorageFull, Unavailable

DATA = b"an onnx file, say" * 100


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    return FileArtifacts(tmp_path / "artifacts")


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_hash(artifacts: FileArtifacts, tmp_path: Path) -> None:
    """From memory or from a file: the name is the content's."""
    info = artifacts.keep_bytes(DATA)
    assert (info.sha256, info.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert artifacts.path(info.sha256).read_bytes() == DATA
    source = tmp_path / "student.onnx"
    source.write_bytes(DATA)
    assert artifacts.keep(source) == info
    assert files_under(tmp_path / "artifacts") == [artifacts.path(info.sha256)]


def test_a_kept_file_is_never_written_again(artifacts: FileArtifacts) -> None:
    """A zombie that stores the same bytes replaces nothing that others are reading."""
    path = artifacts.path(artifacts.keep_bytes(DATA).sha256)
    before = path.stat()
    artifacts.keep_bytes(DATA)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert before.st_mode & 0o222 == 0


def test_a_missing_source_is_the_callers_bug(artifacts: FileArtifacts, tmp_path: Path) -> None:
    """It is told as it is, and nothing is left behind."""
    with pytest.raises(FileNotFoundError):
        artifacts.keep(tmp_path / "nope")
    assert files_under(tmp_path) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_half_way_leaves_nothing(artifacts: FileArtifacts, tmp_path: Path) -> None:
    """F16: a half-written network must never be served."""
    with file_size_limit(1000), pytest.raises(Unavailable):
        artifacts.keep_bytes(DATA)
    assert files_under(tmp_path) == []
    assert artifacts.path(artifacts.keep_bytes(DATA).sha256).read_bytes() == DATA


def test_a_full_disk_is_said_to_be_full(
    artifacts: FileArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error tells the disk from a wrong permission."""

    def no_room(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StorageFull):
        artifacts.keep_bytes(DATA)
    assert files_under(tmp_path) == []


def test_a_root_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    """F17: whatever is wrong with the place, the error says that it is the place."""
    (tmp_path / "artifacts").write_text("in the way")
    with pytest.raises(Unavailable):
        FileArtifacts(tmp_path / "artifacts").keep_bytes(DATA)


KEEPER = """
import itertools, sys
from pathlib import Path
from service.adapters.files import FileArtifacts
artifacts = FileArtifacts(Path(sys.argv[1]))
for number in itertools.count():
    print(artifacts.keep_bytes(str(number).encode() * 100_000).sha256, flush=True)
"""


def test_kill_9_leaves_whole_files_and_a_leftover_that_is_swept(artifacts: FileArtifacts, tmp_path: Path) -> None:
    """F3: what was acknowledged is there and whole; what was not is in nobody's way, and goes after a day."""
    root = tmp_path / "artifacts"
    process = subprocess.Popen([sys.executable, "-c", KEEPER, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(20)]
    process.kill()
    process.communicate()
    for sha256 in acknowledged:
        assert hashlib.sha256(artifacts.path(sha256).read_bytes()).hexdigest() == sha256
    leftover = root / "incoming" / "half"
    leftover.write_bytes(b"half")
    artifacts.sweep(datetime.now(UTC))
    assert leftover.exists()  # somebody may be writing it right now
    artifacts.sweep(datetime.now(UTC) + timedelta(days=1, minutes=1))
    assert files_under(root / "incoming") == []
    assert artifacts.path(acknowledged[0]).exists()
