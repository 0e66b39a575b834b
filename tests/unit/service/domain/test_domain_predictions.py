"""Ids of predictions: made in a microsecond, read a year later, and not to be made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.domain.predictions import NONCE_BYTES, SEAL_BYTES, Trace, prediction_id

SEAL, OTHER = "ab" * SEAL_BYTES, "cd" * SEAL_BYTES
NOW = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)
REQUEST = "req_" + "0f" * 12


def made(seal: str = SEAL, now: datetime = NOW, request_id: str = REQUEST, entropy: bytes = bytes(NONCE_BYTES)) -> str:
    return prediction_id(seal, now=now, request_id=request_id, entropy=entropy)


def test_an_id_is_read_back() -> None:
    """Time, the characters that find the version, and the request."""
    trace = Trace.read(made())
    assert trace is not None
    assert (trace.at, trace.mark, trace.request_id) == (NOW, SEAL[:12], REQUEST)
    assert trace.is_of(SEAL)


def test_only_the_seal_that_signed_fits() -> None:
    """Also not one that begins the same: what finds a version is in the id, and public."""
    trace = Trace.read(made())
    assert trace is not None
    assert not trace.is_of(OTHER)
    assert not trace.is_of(SEAL[:-2] + "00")


def test_any_character_that_is_changed_breaks_it() -> None:
    """Of the time, the mark, the request and the signature alike."""
    whole = made()
    for place in range(5, len(whole)):
        trace = Trace.read(whole[:place] + ("0" if whole[place] != "0" else "1") + whole[place + 1 :])
        assert trace is None or not trace.is_of(SEAL), place


def test_ids_sort_by_time() -> None:
    """As every id here does, so that a folder of masks is in order."""
    ids = [
        made(now=NOW + timedelta(milliseconds=step), entropy=bytes([255 - step] * NONCE_BYTES)) for step in range(40)
    ]
    assert ids == sorted(ids)


def test_a_name_that_a_caller_chose_is_not_in_it() -> None:
    """It may have 64 characters; two requests of one name still have two ids."""
    ids = {made(request_id="mine", entropy=bytes([number] * NONCE_BYTES)) for number in range(3)}
    assert len(ids) == 3
    assert {trace.request_id for trace in map(Trace.read, ids) if trace} == {None}


def test_what_is_no_id_is_none() -> None:
    """A time after the year 9999, too, which no clock has said."""
    for name in ("", "pred_", "pred_" + "z" * 52, made()[:-1], made().upper(), "job_" + made()[5:]):
        assert Trace.read(name) is None, name
