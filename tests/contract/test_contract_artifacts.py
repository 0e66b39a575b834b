"""The port Artifacts, on a folder and on an S3-compatible store that is a real HTTP server."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.s3_server import artifacts_url, s3_server

from service.domain.errors import NotFound
from service.domain.ports import Artifacts
from service.settings import read_settings
from service.wiring import wire

DATA = b"an onnx file, say" * 100
LATER = timedelta(minutes=1)

Open = Callable[[str], Artifacts]
"""A process of that name opens the store."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["files", "s3"])
def open_artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """One store for each test; each process that opens it has a home of its own."""
    if request.param == "files":
        settings = {"artifacts_url": (tmp_path / "shared files").as_uri()}
    else:
        url = artifacts_url(request.getfixturevalue("endpoint"), prefix=f"{uuid.uuid4()}/a b")
        settings = {"artifacts_url": url, "s3_access_key_id": "key", "s3_secret_access_key": "secret"}
    return lambda name: wire(read_settings(home=tmp_path / name, database_url="memory://", **settings)).artifacts


@pytest.fixture
def artifacts(open_artifacts: Open) -> Artifacts:
    return open_artifacts("worker")


def test_bytes_come_back_under_their_hash_in_every_process(open_artifacts: Open, tmp_path: Path) -> None:
    """What a worker keeps is what an API serves, from memory or from a file: the name is the content's."""
    worker, api = open_artifacts("worker"), open_artifacts("api")
    info = worker.keep_bytes(DATA)
    assert (info.sha256, info.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert api.path(info.sha256).read_bytes() == worker.path(info.sha256).read_bytes() == DATA
    source = tmp_path / "student.onnx"
    source.write_bytes(DATA)
    assert worker.keep(source) == info


def test_a_file_of_many_parts_comes_back_whole(open_artifacts: Open, tmp_path: Path) -> None:
    """Beyond 5 MiB an object store takes a file in pieces, and many at once."""
    source = tmp_path / "large.onnx"
    source.write_bytes(bytes(range(256)) * (12 << 12))
    info = open_artifacts("worker").keep(source)
    assert open_artifacts("api").path(info.sha256).read_bytes() == source.read_bytes()


def test_an_empty_file_is_a_file(open_artifacts: Open) -> None:
    """A log may be empty."""
    info = open_artifacts("worker").keep_bytes(b"")
    assert open_artifacts("api").path(info.sha256).read_bytes() == b""


@pytest.mark.parametrize("name", ["", "..", "a" * 63, "A" * 64, "../" * 20 + "etc/passwd", "a" * 64, "a" * 63 + "\n"])
def test_only_a_known_hash_leads_to_a_file(artifacts: Artifacts, name: str) -> None:
    """Names are data: nothing outside the store can be asked for."""
    artifacts.keep_bytes(DATA)
    with pytest.raises(NotFound):
        artifacts.path(name)


def test_many_at_once_store_one_whole_file(artifacts: Artifacts) -> None:
    """Two workers may publish the same preview."""
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda _: artifacts.keep_bytes(DATA), range(16)))
    (info,) = kept
    assert list(artifacts.kept(before=datetime.now(UTC) + LATER)) == [info.sha256]
    assert artifacts.path(info.sha256).read_bytes() == DATA


def test_a_missing_source_is_the_callers_bug(artifacts: Artifacts, tmp_path: Path) -> None:
    """It is told as it is, and nothing is stored."""
    with pytest.raises(FileNotFoundError):
        artifacts.keep(tmp_path / "nope")
    assert list(artifacts.kept(before=datetime.now(UTC) + LATER)) == []


def test_files_are_listed_by_age(artifacts: Artifacts) -> None:
    """What was kept a moment ago may be named in the next one; only what is old can be garbage."""
    info = artifacts.keep_bytes(DATA)
    assert list(artifacts.kept(before=datetime.now(UTC) - LATER)) == []
    assert list(artifacts.kept(before=datetime.now(UTC) + LATER)) == [info.sha256]
    assert list(artifacts.aside(before=datetime.now(UTC) + LATER)) == []


def test_a_file_that_was_set_aside_comes_back_when_somebody_asks(open_artifacts: Open) -> None:
    """The record that names it may have been written while the collector looked: nothing is lost by that."""
    worker = open_artifacts("worker")
    info = worker.keep_bytes(DATA)
    worker.set_aside(info.sha256)
    assert list(worker.kept(before=datetime.now(UTC) + LATER)) == []
    assert list(worker.aside(before=datetime.now(UTC) + LATER)) == [info.sha256]
    assert open_artifacts("api").path(info.sha256).read_bytes() == DATA
    assert list(worker.kept(before=datetime.now(UTC) + LATER)) == [info.sha256]


def test_the_time_aside_begins_when_a_file_is_set_aside(artifacts: Artifacts) -> None:
    """However old the file is: whoever kept it again a moment ago has the whole grace to name it."""
    info = artifacts.keep_bytes(DATA)
    artifacts.set_aside(info.sha256)
    assert list(artifacts.aside(before=datetime.now(UTC) - LATER)) == []


def test_keeping_bytes_that_are_set_aside_makes_them_there_again(open_artifacts: Open) -> None:
    """And deleting the old copy does not touch the new one."""
    worker = open_artifacts("worker")
    info = worker.keep_bytes(DATA)
    worker.set_aside(info.sha256)
    worker.keep_bytes(DATA)
    worker.delete(info.sha256)
    assert open_artifacts("api").path(info.sha256).read_bytes() == DATA


def test_only_what_is_set_aside_can_be_deleted(open_artifacts: Open) -> None:
    """And then it is gone for good, for whoever has no copy."""
    worker = open_artifacts("worker")
    info = worker.keep_bytes(DATA)
    worker.delete(info.sha256)
    assert open_artifacts("api").path(info.sha256).read_bytes() == DATA
    worker.set_aside(info.sha256)
    worker.delete(info.sha256)
    with pytest.raises(NotFound):
        open_artifacts("other").path(info.sha256)


def test_what_is_not_there_can_be_moved_about_at_will(artifacts: Artifacts) -> None:
    """Two collectors may meet; the second finds that it is done."""
    artifacts.set_aside("a" * 64)
    artifacts.bring_back("a" * 64)
    artifacts.delete("a" * 64)
