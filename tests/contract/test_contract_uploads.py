"""The port Uploads, on files."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.adapters.uploads import FileUploads
from service.domain.errors import Conflict, StorageFull, WrongOffset
from service.domain.ports import Uploads

ID = "ds_1"


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return FileUploads(tmp_path / "uploads")


def send(uploads: Uploads, data: bytes, *, first: int = 0) -> None:
    growing = uploads.grow(ID, first=first)
    growing.write(data)
    growing.close()


def test_an_upload_grows_piece_by_piece(uploads: Uploads) -> None:
    """Each piece may come from another process; the last one makes it whole, and its hash is that of all of it."""
    assert uploads.held(ID) == 0
    send(uploads, b"abc")
    assert uploads.held(ID) == 3
    growing = uploads.grow(ID, first=3)
    growing.write(b"def")
    received = growing.finish()
    assert (received.size, received.sha256) == (6, hashlib.sha256(b"abcdef").hexdigest())
    assert received.path.read_bytes() == b"abcdef"
    assert (uploads.whole(ID), uploads.held(ID)) == (received, 0)


def test_one_piece_is_hashed_while_it_is_written(uploads: Uploads) -> None:
    """The usual way: nothing is read back."""
    growing = uploads.grow(ID, first=0)
    growing.write(b"abc")
    growing.write(b"def")
    assert growing.finish().sha256 == hashlib.sha256(b"abcdef").hexdigest()


@pytest.mark.parametrize("first", [1, 4, 2**40])
def test_a_piece_begins_where_the_held_bytes_end(uploads: Uploads, first: int) -> None:
    """Anything else would leave a hole, or write twice; the refusal says what is held."""
    send(uploads, b"abc")
    with pytest.raises(WrongOffset, match="3 bytes are held") as refusal:
        uploads.grow(ID, first=first)
    assert refusal.value.held == 3
    send(uploads, b"d", first=3)


def test_a_piece_from_byte_zero_starts_afresh(uploads: Uploads) -> None:
    """Whoever sends the whole again needs to know nothing of an earlier try."""
    send(uploads, b"abcdef")
    send(uploads, b"xy")
    assert uploads.held(ID) == 2


def test_two_requests_cannot_write_into_one_upload(uploads: Uploads) -> None:
    """A client that gave up on a connection may come again before the server has noticed."""
    growing = uploads.grow(ID, first=0)
    with pytest.raises(Conflict, match="Another request"):
        uploads.grow(ID, first=0)
    growing.close()
    send(uploads, b"abc")


def test_a_whole_upload_is_safe_from_a_next_one(uploads: Uploads) -> None:
    """A request that is repeated late must not truncate what was accepted."""
    growing = uploads.grow(ID, first=0)
    growing.write(b"abc")
    received = growing.finish()
    send(uploads, b"x")
    assert received.path.read_bytes() == b"abc"


def test_an_upload_that_cannot_fit_is_refused_at_once(uploads: Uploads) -> None:
    """Better than after an hour of sending."""
    with pytest.raises(StorageFull, match="no room"):
        uploads.grow(ID, first=0, total=2**60)


def test_a_discarded_upload_is_gone(uploads: Uploads) -> None:
    """Also one that nobody ever sent, so that deleting a record needs no look before."""
    uploads.discard(ID)
    send(uploads, b"abc")
    uploads.discard(ID)
    assert (uploads.held(ID), uploads.whole(ID)) == (0, None)


def test_what_is_discarded_while_it_comes_never_becomes_whole(uploads: Uploads) -> None:
    """Its record was deleted; and whoever has begun anew by then must not have their bytes taken for it."""
    first = uploads.grow(ID, first=0)
    first.write(b"abc")
    uploads.discard(ID)
    with pytest.raises(Conflict, match="given up"):
        first.finish()
    first.close()
    send(uploads, b"de")
    assert (uploads.held(ID), uploads.whole(ID)) == (2, None)
    second, third = uploads.grow(ID, first=2), b"other"
    uploads.discard(ID)
    send(uploads, third)
    with pytest.raises(Conflict):
        second.finish()
    second.close()
    assert (uploads.held(ID), uploads.whole(ID)) == (len(third), None)


def test_what_has_not_grown_for_a_day_is_swept(uploads: Uploads) -> None:
    """A sender that never came back must not keep its gigabytes here for ever."""
    send(uploads, b"abc")
    now = datetime.now(UTC)
    uploads.sweep(now + timedelta(hours=23))
    assert uploads.held(ID) == 3
    uploads.sweep(now + timedelta(hours=25))
    assert uploads.held(ID) == 0
