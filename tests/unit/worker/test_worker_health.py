from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.records import add_job

from service.domain.errors import Unavailable
from service.domain.workers import Worker
from service.wiring import Service
from worker.health import Deaf, Pulse


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class NoWorkers:
    """The port of a database that is away."""

    def beat(self, worker: Worker) -> None:
        raise Unavailable("away")

    def leave(self, worker_id: str) -> None:
        raise Unavailable("away")


def test_a_beat_says_who_lives_and_what_is_held(service: Service) -> None:
    """It is what /v1/workers shows."""
    pulse = Pulse(service)
    pulse.beat(("job_1",))
    (worker,) = service.workers.list()
    assert (worker.id, worker.holds) == (pulse.worker_id, ("job_1",))


def test_two_workers_of_one_machine_are_two_owners(service: Service) -> None:
    """A restarted worker must not take the claims of the one before for its own."""
    assert Pulse(service).worker_id != Pulse(service).worker_id


def test_whoever_leaves_is_off_the_list(service: Service) -> None:
    """An orderly end is not a death that somebody has to notice."""
    pulse = Pulse(service)
    pulse.beat(())
    pulse.leave()
    assert not service.workers.list()


def test_a_beat_takes_back_what_a_dead_worker_held(service: Service) -> None:
    """There is always somebody to reap, as long as one worker lives (F1)."""
    job = add_job(service)
    service.jobs.claim("dead", lease_s=0)
    assert Pulse(service).beat(()) is True
    assert service.jobs.get(job.id).status == "queued"


def test_nothing_taken_back_is_no_reason_to_look_for_work(service: Service) -> None:
    """The answer wakes the lanes; it must not do so with every beat."""
    add_job(service)
    assert Pulse(service).beat(()) is False


def test_a_store_that_is_away_is_borne_for_a_lease_and_no_longer(service: Service) -> None:
    """A worker that cannot reach the database ends, and is started anew."""
    clock = Clock()
    pulse = Pulse(replace(service, workers=NoWorkers()), clock=clock)  # type: ignore[arg-type]
    assert pulse.beat(()) is False
    clock.now_s = service.settings.lease_s
    assert pulse.beat(()) is False
    clock.now_s += 1
    with pytest.raises(Unavailable):
        pulse.beat(())


def test_a_store_that_came_back_is_forgiven(service: Service) -> None:
    """Only silence in one piece counts."""
    clock = Clock()
    pulse = Pulse(service, clock=clock)
    away = replace(service, workers=NoWorkers())  # type: ignore[arg-type]
    for clock.now_s in (0.0, 50.0, 100.0, 150.0):
        pulse._service = away if clock.now_s % 100 else service
        pulse.beat(())


def test_hints_that_nobody_takes_end_the_worker_after_a_lease(service: Service) -> None:
    """Its polls go on, so nobody would notice that the broker's client has stopped to consume; a restart mends it."""
    clock = Clock()
    pulse = Pulse(service, waiting=lambda: 3, clock=clock)
    clock.now_s = service.settings.lease_s
    pulse.beat(())
    clock.now_s += 1
    with pytest.raises(Deaf, match="3 hints"):
        pulse.beat(())


@pytest.mark.parametrize("waiting", [0, None])
def test_an_empty_queue_and_a_broker_that_is_away_are_no_deafness(service: Service, waiting: int | None) -> None:
    """There is nothing to hear; Redis may be away for a day."""
    clock = Clock()
    pulse = Pulse(service, waiting=lambda: waiting, clock=clock)
    for clock.now_s in (0.0, 100.0, 200.0):
        pulse.beat(())


def test_a_hint_that_was_heard_is_a_sign_of_life(service: Service) -> None:
    """A queue may be busy all day."""
    clock = Clock()
    pulse = Pulse(service, waiting=lambda: 1, clock=clock)
    for clock.now_s in (0.0, 50.0, 100.0, 150.0):
        pulse.heard()
        pulse.beat(())
