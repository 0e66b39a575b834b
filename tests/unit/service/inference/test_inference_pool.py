"""The queue in front of the threads: bounded, and a call that was called off never runs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from threading import Event

import pytest

from service.domain.errors import Busy
from service.inference.pool import Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(threads=1, waiting=2)
    yield pool
    pool.close()


def occupy(pool: Pool) -> Event:
    """Keep the only thread busy until the event is set."""
    started, release = Event(), Event()

    def hold() -> None:
        started.set()
        release.wait(timeout=30)

    pool.submit(hold)
    assert started.wait(timeout=30)
    return release


def test_what_does_not_fit_is_refused_at_once(pool: Pool) -> None:
    # waiting longer than anybody waits for an answer helps nobody
    release = occupy(pool)
    waiting = [pool.submit(lambda: "done") for _ in range(2)]
    with pytest.raises(Busy):
        pool.submit(lambda: "never")
    with pytest.raises(Busy), pool.place():
        pass
    release.set()
    assert [each.result(timeout=30) for each in waiting] == ["done", "done"]


def test_a_place_is_taken_before_there_is_anything_to_run(pool: Pool) -> None:
    # whoever still sends its image counts: what is in memory is bounded, not only what waits for a thread
    with pool.place(), pool.place(), pool.place():
        with pytest.raises(Busy), pool.place():
            pass
        assert pool.submit(lambda: "done").result(timeout=30) == "done"
    with pool.place():
        pass


def test_a_cancelled_call_does_not_run_and_leaves_its_place(pool: Pool) -> None:
    # the caller hung up: its image would only keep others waiting
    release = occupy(pool)
    ran: list[str] = []
    first, second = pool.submit(lambda: ran.append("first")), pool.submit(lambda: ran.append("second"))
    assert first.cancel()
    third = pool.submit(lambda: ran.append("third"))
    release.set()
    second.result(timeout=30), third.result(timeout=30)
    assert ran == ["second", "third"]
    with pytest.raises(CancelledError):
        first.result(timeout=30)


def test_a_call_knows_whether_it_is_alone(pool: Pool) -> None:
    # alone, it may take every core
    assert pool.submit(lambda: pool.admitted).result(timeout=30) == 1
    release = occupy(pool)
    other = pool.submit(lambda: pool.admitted)
    assert pool.admitted == 2
    release.set()
    assert other.result(timeout=30) in (1, 2)  # the first may have left by now


def test_a_failing_call_leaves_its_place(pool: Pool) -> None:
    # otherwise bad images would fill the queue for ever
    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result(timeout=30)
    pool.close()
    assert pool.admitted == 0


def test_closing_finishes_what_was_accepted() -> None:
    # SIGTERM must not cost an accepted request its answer
    pool = Pool(threads=1, waiting=2)
    release = occupy(pool)
    waiting = pool.submit(lambda: "done")
    release.set()
    pool.close()
    assert waiting.result(timeout=0) == "done"
    with pytest.raises(RuntimeError):
        pool.submit(lambda: "late")
    assert pool.admitted == 0
