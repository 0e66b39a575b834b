from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.adapters.cache import Cache

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """With room for two of the files below."""
    return Cache(tmp_path, limit_bytes=250)


def fill(cache: Cache, byte: bytes) -> str:
    info, _ = cache.keep_blocks([byte * 100])
    return info.sha256


def test_the_least_recently_used_copy_goes_first(cache: Cache, tmp_path: Path) -> None:
    """The network that is served all day stays; last week's report goes."""
    first, second, third = (fill(cache, byte) for byte in (b"a", b"b", b"c"))
    for hours_ago, name in ((3, first), (2, second), (1, third)):
        used_at = NOW.timestamp() - 3600 * hours_ago
        os.utime(tmp_path / name[:2] / name, (used_at, used_at))
    assert cache.find(first) is not None  # which is a use
    cache.trim(TOMORROW)
    assert [cache.find(name) is not None for name in (first, second, third)] == [True, False, True]


def test_what_was_just_asked_for_stays_although_there_is_no_room(tmp_path: Path) -> None:
    """A file larger than the whole cache can still be read, once."""
    cache = Cache(tmp_path, limit_bytes=10)
    info, path = cache.keep_blocks([b"a" * 100])
    assert path.read_bytes() == b"a" * 100
    cache.keep_blocks([b"b"])
    assert cache.find(info.sha256) == path
    cache.trim(TOMORROW)
    assert cache.find(info.sha256) is None


def test_a_copy_that_nobody_has_is_not_found(cache: Cache) -> None:
    """Nor is one that was dropped; dropping it twice is no error."""
    assert cache.find("a" * 64) is None
    name = fill(cache, b"a")
    cache.drop(name)
    cache.drop(name)
    assert cache.find(name) is None


def test_a_download_that_breaks_off_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    """Half a network in the cache would be served as a whole one."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise EOFError

    with pytest.raises(EOFError):
        cache.keep_blocks(broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
