from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes.records import TRAINER, add_dataset, add_job
from fakes.waiting import DEADLINE_S, wait_for

from service.domain.errors import FenceLost, StorageFull, Unavailable
from service.settings import read_settings
from service.wiring import Service, wire
from worker.health import Pulse
from worker.runner import Runner, build_runner


@dataclass(frozen=True)
class Piece:
    """Something to work on."""

    id: str


@dataclass
class Desk:
    """A lane of which a test is the boss: it says what is claimed and what happens then."""

    pieces: list[Piece] = field(default_factory=list)
    do: Callable[[Piece, Callable[[], bool]], None] = lambda piece, draining: None
    done: list[str] = field(default_factory=list)
    given_back: list[str] = field(default_factory=list)
    handed_on: list[str] = field(default_factory=list)
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    on_claim: Callable[[], None] = lambda: None

    def claim(self, owner: str) -> Piece | None:
        self.on_claim()
        self.looks.release()
        return self.pieces.pop(0) if self.pieces else None

    def work(self, held: Piece, draining: Callable[[], bool]) -> None:
        self.do(held, draining)
        self.done.append(held.id)

    def give_back(self, held: Piece, reason: str) -> None:
        self.given_back.append(f"{held.id}: {reason}")

    def hand_on(self, held: Piece) -> None:
        self.handed_on.append(held.id)

    def wait_for_look(self) -> None:
        assert self.looks.acquire(timeout=DEADLINE_S), "the lane did not look for work"


@contextmanager
def running(service: Service, lanes: dict[str, Any], **options: Any) -> Iterator[Runner]:
    runner = Runner(Pulse(service), lanes, **{"poll_s": 3600.0, "heartbeat_s": 3600.0, **options})
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()
        runner.join()


def test_it_works_until_there_is_nothing_left_and_then_waits(service: Service) -> None:
    """Three jobs in the queue need one hint, not three."""
    desk = Desk([Piece("a"), Piece("b"), Piece("c")])
    with running(service, {"desk": desk}):
        for _ in range(4):
            desk.wait_for_look()
        assert desk.done == ["a", "b", "c"]


def test_a_hint_wakes_a_lane_that_waits(service: Service) -> None:
    """With a broker a job starts at once, however long the poll."""
    desk = Desk()
    with running(service, {"desk": desk}) as runner:
        desk.wait_for_look()
        desk.pieces.append(Piece("a"))
        runner.wake()
        desk.wait_for_look()
        desk.wait_for_look()
        assert desk.done == ["a"]


def test_without_any_hint_the_poll_finds_the_work(service: Service) -> None:
    """Redis may lose everything without losing a job (F9, F10)."""
    desk = Desk()
    with running(service, {"desk": desk}, poll_s=0.01):
        desk.wait_for_look()
        desk.pieces.append(Piece("a"))
        while not desk.done:
            desk.wait_for_look()


def test_a_hint_that_comes_during_a_claim_is_not_lost(service: Service) -> None:
    """The job it speaks of may have been added just after the claim had looked."""
    desk = Desk()
    with running(service, {"desk": desk}) as runner:
        desk.wait_for_look()

        def submitted_right_now() -> None:
            desk.on_claim = lambda: None
            runner.wake()

        desk.on_claim = submitted_right_now
        runner.wake()
        desk.wait_for_look()
        desk.wait_for_look()


def test_a_long_job_does_not_hold_the_other_lane(service: Service) -> None:
    """A dataset is validated while a two-day training runs."""
    release = threading.Event()
    long, short = Desk([Piece("long")]), Desk([Piece("short")])
    long.do = lambda piece, draining: assert_true(release.wait(DEADLINE_S))
    with running(service, {"train": long, "check": short}):
        short.wait_for_look()
        short.wait_for_look()
        assert (short.done, long.done) == (["short"], [])
        release.set()


def test_work_in_progress_hears_of_the_end_and_is_waited_for(service: Service) -> None:
    """SIGTERM means: write the checkpoint, give the job back, then go."""
    desk = Desk([Piece("a")])
    started = threading.Event()

    def work(piece: Piece, draining: Callable[[], bool]) -> None:
        started.set()
        while not draining():
            pass

    desk.do = work
    with running(service, {"desk": desk}) as runner:
        assert started.wait(DEADLINE_S)
        runner.stop()
        assert runner.join() is True
    assert desk.done == ["a"]


def test_nothing_is_claimed_after_the_end_was_announced(service: Service) -> None:
    """A job that is claimed only to be given back loses its place for nothing."""
    desk = Desk([Piece("a"), Piece("b")])
    runner = Runner(Pulse(service), {"desk": desk}, poll_s=3600, heartbeat_s=3600)
    desk.do = lambda piece, draining: runner.stop()
    runner.start()
    runner.join()
    assert (desk.done, desk.pieces) == (["a"], [Piece("b")])


def test_what_nobody_foresaw_costs_an_attempt_and_not_the_worker(service: Service) -> None:
    """A bug that one job hits must not stop all the others."""
    desk = Desk([Piece("a"), Piece("b")])

    def work(piece: Piece, draining: Callable[[], bool]) -> None:
        if piece.id == "a":
            raise ZeroDivisionError("division by zero")

    desk.do = work
    with running(service, {"desk": desk}):
        for _ in range(3):
            desk.wait_for_look()
    assert (desk.given_back, desk.done) == (["a: the worker failed at it: division by zero"], ["b"])


def test_a_machine_that_cannot_work_stops_instead_of_burning_the_queue(service: Service) -> None:
    """F16, F17: with a full disk each job would fail three times in a second, and all of them for good."""
    desk = Desk([Piece("a"), Piece("b")])

    def work(piece: Piece, draining: Callable[[], bool]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    desk.do = work
    with running(service, {"desk": desk}) as runner:
        assert runner.join() is False
    assert (desk.handed_on, desk.given_back, desk.pieces) == (["a"], [], [Piece("b")])


@pytest.mark.parametrize("error", [FenceLost("gone"), Unavailable("away"), StorageFull("full")])
def test_work_that_cannot_be_written_is_left_to_the_reaper(service: Service, error: Exception) -> None:
    """It is somebody else's, or nobody can be told; either way its lease runs out."""
    desk = Desk([Piece("a"), Piece("b")])

    def work(piece: Piece, draining: Callable[[], bool]) -> None:
        if piece.id == "a":
            raise error

    desk.do = work
    with running(service, {"desk": desk}):
        for _ in range(3):
            desk.wait_for_look()
    assert (desk.given_back, desk.done) == ([], ["b"])


def test_a_store_that_is_away_is_asked_again(service: Service) -> None:
    """A database that restarts takes no worker with it."""
    desk = Desk([Piece("a")])
    answers = iter([Unavailable("away"), Unavailable("away")])

    def away() -> None:
        if (error := next(answers, None)) is not None:
            raise error

    desk.on_claim = away
    with running(service, {"desk": desk}, poll_s=0.01):
        while not desk.done:
            desk.wait_for_look()


def test_a_lane_that_dies_takes_the_worker_with_it(service: Service) -> None:
    """Half a worker looks alive and does nothing; whoever started it must see it end and start it again."""
    failed = threading.Event()
    broken, fine = Desk(), Desk()

    def wrong_schema() -> None:
        raise RuntimeError("no such table: jobs")

    broken.on_claim = wrong_schema
    with running(service, {"broken": broken, "fine": fine}, on_failure=failed.set) as runner:
        assert runner.join() is False
    assert failed.is_set()


def test_the_worker_is_on_the_list_while_it_lives(service: Service) -> None:
    """Who looks at /v1/workers sees who is there and what they hold."""
    desk = Desk([Piece("job_1")])
    release = threading.Event()
    desk.do = lambda piece, draining: assert_true(release.wait(DEADLINE_S))
    with running(service, {"desk": desk}, heartbeat_s=0.01):
        wait_for(lambda: [worker.holds for worker in service.workers.list()] == [("job_1",)])
        release.set()
    assert not service.workers.list()


def test_the_real_lanes_take_a_dataset_and_a_job_to_their_ends(tmp_path: Path) -> None:
    """Everything together, as `python -m worker` puts it together, but in this process."""
    settings = read_settings(home=tmp_path, database_url="memory://", poll_s=0.05, heartbeat_s=0.05)
    service = wire(settings)
    job, dataset = add_job(service), add_dataset(service)
    runner = build_runner(service, trainer=TRAINER)
    runner.start()
    try:
        wait_for(lambda: service.jobs.get(job.id).ended and service.datasets.get(dataset.id).state != "validating")
    finally:
        runner.stop()
        assert runner.join() is True
    assert service.jobs.get(job.id).status == "succeeded"
    assert service.datasets.get(dataset.id).state == "ready"


def assert_true(value: bool) -> None:
    assert value
