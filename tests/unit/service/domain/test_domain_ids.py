from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.ids import new_id

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ENTROPY = st.binary(min_size=10, max_size=10)


def test_an_id_is_the_ulid_of_its_time_and_entropy() -> None:
    """The layout is a published one: time and randomness can be read back by other tools."""
    moment = datetime.fromtimestamp(1469918176.385, UTC)  # the example of the ULID specification
    assert new_id("job", now=moment, entropy=bytes(10)) == "job_01aryz6s41" + "0" * 16
    assert new_id("ds", now=moment, entropy=b"\xff" * 10) == "ds_01aryz6s41" + "z" * 16


@given(first=TIMES, later=st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)), one=ENTROPY, two=ENTROPY)
def test_ids_sort_by_time(first: datetime, later: timedelta, one: bytes, two: bytes) -> None:
    """Lists page by id, so an id must sort like the age of its record."""
    assert new_id("job", now=first, entropy=one) < new_id("job", now=first + later, entropy=two)


def test_too_little_entropy_is_refused() -> None:
    """Ids that repeat would overwrite records."""
    with pytest.raises(ValueError, match="9 bytes"):
        new_id("job", now=NOW, entropy=bytes(9))
