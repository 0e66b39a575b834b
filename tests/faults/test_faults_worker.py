"""Real workers on a real database, hurt in the ways that docs/architecture.md lists."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.records import add_job, event_types
from fakes.waiting import wait_for, wait_until_gone
from fakes.worker_process import WorkerProcess, expire_lease

from service.domain import submission
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path))
    yield service
    service.close()


def wait_for_end(service: Service, job: Job) -> Job:
    wait_for(lambda: service.jobs.get(job.id).ended, f"the end of {job.id}")
    return service.jobs.get(job.id)


def redone(worker: WorkerProcess) -> int:
    """How many steps were done more than once."""
    return len(worker.steps()) - len(set(worker.steps()))


def test_f1_f5_a_worker_that_is_killed_takes_its_trainer_along_and_another_one_finishes(
    service: Service, tmp_path: Path
) -> None:
    """The promise of the whole design: kill -9 anything, and at most one checkpoint interval is done again."""
    job = add_job(service, register={"model": "street"})
    with WorkerProcess(tmp_path, "--pause-at", "5", "--steps", "8") as first:
        trainer = first.wait_for_step(5)
        first.send(signal.SIGKILL)
        wait_until_gone(trainer)
        expire_lease(service, job)
        with WorkerProcess(tmp_path, "--steps", "8") as second:
            job = wait_for_end(service, job)
        assert (job.status, job.attempt, job.version) == ("succeeded", 2, 1)
        assert second.steps() == [1, 2, 3, 4, 5, 5, 6, 7, 8]


def test_f4_a_trainer_that_is_killed_is_started_again_by_the_same_worker(service: Service, tmp_path: Path) -> None:
    """The kernel's out-of-memory killer takes the trainer; the worker is not even annoyed."""
    job = add_job(service)
    with WorkerProcess(tmp_path, "--pause-at", "5", "--steps", "8") as worker:
        os.kill(worker.wait_for_step(5), signal.SIGKILL)
        job = wait_for_end(service, job)
        assert (job.status, job.attempt, redone(worker)) == ("succeeded", 2, 1)
        assert len(set(worker.trainers())) == 2


def test_f6_a_zombie_writes_nothing(service: Service, tmp_path: Path) -> None:
    """A worker that was frozen past its lease wakes up to a job that is finished, by somebody else."""
    job = add_job(service, register={"model": "street"})
    with WorkerProcess(tmp_path, "--pause-at", "3") as zombie:
        trainer = zombie.wait_for_step(3)
        wait_for(lambda: service.jobs.get(job.id).checkpoint, "the checkpoint to be told")
        zombie.freeze(service)
        expire_lease(service, job)
        with WorkerProcess(tmp_path) as other:
            job = wait_for_end(service, job)
            other.send(signal.SIGTERM)
            other.wait()
        told = event_types(service, job)
        zombie.send(signal.SIGCONT)
        wait_until_gone(trainer)
        zombie.send(signal.SIGTERM)
        assert zombie.wait() == 0
    assert job.status == "succeeded"
    assert service.jobs.get(job.id) == job
    assert event_types(service, job) == told


def test_f42_sigterm_drains_a_worker(service: Service, tmp_path: Path) -> None:
    """A rolling restart costs no finished step and counts no attempt."""
    job = add_job(service)
    with WorkerProcess(tmp_path, "--pause-at", "5", "--steps", "8") as first:
        first.wait_for_step(5)
        first.send(signal.SIGTERM)
        assert first.wait() == 0
        job = service.jobs.get(job.id)
        assert (job.status, job.attempt, job.lease.owner) == ("queued", 1, None)
        assert not service.workers.list()
        with WorkerProcess(tmp_path, "--steps", "8"):
            assert wait_for_end(service, job).status == "succeeded"
        assert redone(first) == 0


def test_a_cancel_reaches_the_trainer_through_the_database(service: Service, tmp_path: Path) -> None:
    """The API that took the wish and the worker that fulfils it share nothing else."""
    job = add_job(service)
    with WorkerProcess(tmp_path, "--pause-at", "3") as worker:
        trainer = worker.wait_for_step(3)
        submission.cancel(service.jobs, job.id)
        job = wait_for_end(service, job)
        wait_until_gone(trainer)
    assert (job.status, job.checkpoint and job.checkpoint.step) == ("cancelled", 3)


def test_f52_a_job_that_kills_every_worker_is_given_up(service: Service, tmp_path: Path) -> None:
    """A job that takes the whole machine down must not do so for ever."""
    job = add_job(service)
    for _ in range(3):
        with WorkerProcess(tmp_path, "--pause-at", "1", "--no-checkpoints") as worker:
            wait_for(lambda: service.jobs.get(job.id).status == "running", "the claim")
            worker.send(signal.SIGKILL)
            worker.wait()
        expire_lease(service, job)
        submission.reap(service.jobs, service.datasets, service.teachers, service.hints)
    job = service.jobs.get(job.id)
    assert (job.status, job.error and job.error["code"]) == ("failed", "poison")
