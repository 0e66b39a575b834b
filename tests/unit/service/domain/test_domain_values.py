from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bpkd_core.errors import BpkdError, InvalidInput
from bpkd_core.events import Event
from service.domain import errors
from service.domain.events import Note, StoredEvent, relayed
from service.domain.idempotency import Once
from service.domain.keys import digest, secret_of
from service.domain.ports import Page

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def tree(kind: type[BpkdError]) -> list[type[BpkdError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def test_every_error_has_a_code_of_its_own_and_stands_in_the_drawing() -> None:
    """Codes are a public promise, and the drawing is what people read."""
    ours = [kind for kind in tree(BpkdError) if kind.__module__ == errors.__name__]
    codes = [kind.code for kind in tree(BpkdError) if kind.code != "internal"]
    assert len(set(codes)) == len(codes)
    for kind in ours:
        assert f"─ {kind.__name__} " in (errors.__doc__ or "")
        assert f" {kind.code} " in (errors.__doc__ or "")


def test_events_ids_sort_like_their_numbers() -> None:
    """Last-Event-ID is the only cursor a browser keeps."""
    ids = [StoredEvent("job_01", seq, "log", NOW, {}).id for seq in (1, 9, 10, 99_999_999)]
    assert ids == sorted(ids)
    assert ids[0] == "evt_01_00000001"


def test_a_trainers_events_are_relayed_as_plain_json() -> None:
    """What a store or a stream cannot carry is made carryable once, at the door."""
    notes = relayed([Event("metrics", {"values": {"loss": float("nan")}, "size": (1, 2)}), Event("done", {})])
    assert notes == (Note("metrics", {"values": {"loss": None}, "size": [1, 2]}),)


def test_a_key_is_as_random_as_its_entropy_and_stored_only_as_a_hash() -> None:
    """Whoever reads the database cannot call the service."""
    secret = secret_of(bytes(range(20)))
    assert secret == "bpkd_aaaqeayeaudaocajbifqydiob4ibceqt"
    assert digest(secret) != digest(secret_of(bytes(20)))
    assert secret not in digest(secret)
    with pytest.raises(ValueError, match="19 bytes"):
        secret_of(bytes(19))


def test_a_secret_of_odd_characters_is_hashed_and_not_an_error() -> None:
    """Half a surrogate pair in an Authorization header is a wrong key, not a crash."""
    assert len(digest("bpkd_\ud83d")) == 64


def test_a_promise_is_kept_for_the_same_body_only() -> None:
    """The hash stands for the body."""
    Once("s", "k", "a" * 64).check("a" * 64)
    with pytest.raises(errors.IdempotencyMismatch, match='"k"'):
        Once("s", "k", "a" * 64).check("b" * 64)


def test_a_cursor_of_a_numbered_list_is_a_number() -> None:
    """`after=3` is checked once, for every store."""
    assert Page().after_number is None
    assert Page(after="12").after_number == 12
    for wrong in ("x", "", "-1", "1.5", "9" * 30, "²"):
        with pytest.raises(InvalidInput, match="expected the number"):
            _ = Page(after=wrong).after_number
