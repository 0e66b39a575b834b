from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.records import add_job

from service.domain.errors import NotFound
from service.domain.upkeep import Rules, Tidied, surplus, tidy
from service.settings import read_settings
from service.wiring import Service, wire

NOW = datetime.now(UTC)
GRACE = timedelta(days=7)
RULES = Rules(every_s=3600, grace_s=GRACE.total_seconds(), events=1000)
EVERY_TIME = replace(RULES, every_s=0)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path, database_url="memory://"))
    yield service
    service.close()


def keep(service: Service, data: bytes, *, days_ago: float) -> str:
    """A file of that age."""
    sha256 = service.artifacts.keep_bytes(data).sha256
    grow_old(service, sha256, days_ago)
    return sha256


def grow_old(service: Service, sha256: str, days_ago: float) -> None:
    (path,) = service.settings.artifacts_folder.rglob(sha256)
    then = NOW.timestamp() - 24 * 3600 * days_ago
    os.utime(path, (then, then))


def clear(service: Service, *, days: float = 0) -> Tidied | None:
    """A round, so many days from now; the store's own clock does not matter to the files."""
    return tidy(service.upkeep, service.artifacts, lambda: NOW + timedelta(days=days), EVERY_TIME)


def name_in_a_record(service: Service, sha256: str) -> None:
    """A job's request is as good as any record."""
    add_job(service, metadata={"sha256": sha256})


def test_what_no_record_names_is_set_aside_and_then_deleted(service: Service) -> None:
    """Two graces, and it is gone."""
    sha256 = keep(service, b"garbage", days_ago=8)
    assert clear(service) == Tidied(set_aside=1)
    assert clear(service, days=6) == Tidied()
    assert clear(service, days=8) == Tidied(deleted=1)
    with pytest.raises(NotFound):
        service.artifacts.path(sha256)


def test_a_young_file_may_still_be_named(service: Service) -> None:
    """A worker keeps forty files before it writes the one record that names them."""
    sha256 = keep(service, b"young", days_ago=6)
    assert clear(service) == Tidied()
    assert service.artifacts.path(sha256).exists()


def test_a_file_that_a_record_names_stays(service: Service) -> None:
    """However old it is."""
    sha256 = keep(service, b"network", days_ago=1000)
    name_in_a_record(service, sha256)
    assert clear(service) == Tidied()
    assert service.artifacts.path(sha256).exists()


def test_a_file_that_is_named_while_it_is_aside_comes_back(service: Service) -> None:
    """The record came after the first look: the same bytes were kept again, and found to be there already."""
    sha256 = keep(service, b"network", days_ago=8)
    clear(service)
    name_in_a_record(service, sha256)
    assert clear(service, days=8) == Tidied()
    assert service.artifacts.path(sha256).read_bytes() == b"network"
    assert list(service.artifacts.aside(before=NOW + timedelta(days=99))) == []


def test_nothing_is_done_before_its_time(service: Service) -> None:
    """Every process asks each minute; the work is done once an hour."""
    assert tidy(service.upkeep, service.artifacts, service.now, RULES) == Tidied()
    assert tidy(service.upkeep, service.artifacts, service.now, RULES) is None


@pytest.mark.parametrize(
    ("numbers", "share", "gone"),
    [([], 2, []), ([1], 3, []), ([1, 2, 3, 4, 5], 2, [4, 2]), ([3, 5, 9], 1, [])],
)
def test_of_events_one_in_a_few_stays_and_the_newest_always(numbers: list[int], share: int, gone: list[int]) -> None:
    """The last point of a curve is the one that people look for."""
    assert surplus(numbers, share) == gone
