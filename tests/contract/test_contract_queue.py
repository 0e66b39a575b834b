"""The port Queue, on every store."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stores import NOW, Stores

from service.domain import lifecycle


def age(stores: Stores) -> float:
    """Since when the oldest queued job waits, in seconds."""
    oldest_s = stores.queue.census().oldest_s
    assert oldest_s is not None
    return oldest_s


def test_an_empty_queue_has_no_age(stores: Stores) -> None:
    """A zero would read as: a job came in just now."""
    census = stores.queue.census()
    assert (census.jobs, census.oldest_s) == ({}, None)


def test_the_queue_is_counted_by_status_and_aged_by_its_oldest(stores: Stores) -> None:
    """How long the next job will wait is what a queue is watched for; what runs or has ended waits no more."""
    jobs = [stores.add_job(created_at=NOW + timedelta(seconds=100 * number)) for number in range(3)]
    first = age(stores)
    stores.elapse(20)
    assert age(stores) - first == pytest.approx(20, abs=0.01)
    assert stores.claim().id == jobs[0].id
    assert stores.queue.census().jobs == {"running": 1, "queued": 2}
    assert age(stores) - first == pytest.approx(20 - 100, abs=0.01)
    for job in jobs[1:]:
        stores.jobs.change(job.id, lifecycle.cancel, fence=None)
    assert stores.queue.census().jobs == {"running": 1, "cancelled": 2}
    assert stores.queue.census().oldest_s is None
