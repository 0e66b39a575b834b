"""The database is locked, restarted, away or full while a real worker trains."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.postgres_server import PostgresServer, running_postgres
from fakes.records import add_job
from fakes.waiting import wait_for, wait_until_gone
from fakes.worker_process import WorkerProcess

from service.domain.errors import StorageFull, Unavailable
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire

STEPS = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@contextlib.contextmanager
def serving(home: Path, **settings: object) -> Iterator[Service]:
    service = wire(read_settings(home=home, **settings))
    yield service
    service.close()


def ended(service: Service, job: Job) -> bool:
    """False while the database does not answer, too."""
    with contextlib.suppress(Unavailable, StorageFull):
        return service.jobs.get(job.id).ended
    return False


def stays(value: Callable[[], object], seconds: float) -> Callable[[], bool]:
    """Whether a value has been the same for so long: nobody writes it any more."""
    seen = [value(), time.monotonic()]

    def check() -> bool:
        if (now := value()) != seen[0]:
            seen[:] = [now, time.monotonic()]
        return time.monotonic() - float(str(seen[1])) > seconds

    return check


def test_f13_a_database_that_is_locked_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """A backup holds SQLite's write lock; heartbeats and claims wait, and no step is done twice."""
    go = tmp_path / "go"
    with serving(tmp_path) as service, WorkerProcess(tmp_path, "--wait-at", "3", "--wait-for", str(go)) as worker:
        running, waiting = add_job(service), add_job(service)
        worker.wait_for_step(3)
        backup = sqlite3.connect(tmp_path / "bpkd.sqlite", isolation_level=None)
        backup.execute("BEGIN IMMEDIATE")
        wait_for(stays(lambda: service.jobs.get(running.id).lease, 1), "a heartbeat to be held up")
        go.touch()
        backup.execute("COMMIT")
        backup.close()
        wait_for(lambda: ended(service, running) and ended(service, waiting), "the end of both jobs")
        assert worker.steps() == STEPS * 2
        assert service.jobs.get(running.id).attempt == 1


def test_f14_a_postgres_that_restarts_costs_no_step(postgres: PostgresServer, tmp_path: Path) -> None:
    """Every connection breaks, also one in the middle of a heartbeat; the trainer does not hear of it."""
    go = tmp_path / "go"
    url = {"database_url": postgres.url}
    with (
        serving(tmp_path, **url) as service,
        WorkerProcess(tmp_path, "--wait-at", "3", "--wait-for", str(go), **url) as worker,
    ):
        job = add_job(service)
        worker.wait_for_step(3)
        postgres.stop()
        wait_for(lambda: "does not answer" in worker.said(), "the worker to notice")
        postgres.start()
        go.touch()
        wait_for(lambda: ended(service, job), "the end of the job")
        assert (worker.steps(), service.jobs.get(job.id).attempt) == (STEPS, 1)


def test_f15_a_database_that_is_away_longer_than_a_lease_ends_the_worker_and_loses_nothing(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Whoever cannot prove that the work is his stops, and his trainer with him; the next one goes on."""
    url = {"database_url": postgres.url, "lease_s": 2, "heartbeat_s": 0.2}
    with serving(tmp_path, **url) as service:
        job = add_job(service)
        with WorkerProcess(tmp_path, "--pause-at", "5", **url) as first:
            trainer = first.wait_for_step(5)
            wait_for(lambda: service.jobs.get(job.id).checkpoint, "the checkpoint to be told")
            postgres.stop()
            assert first.wait() == 1
            wait_until_gone(trainer)
        postgres.start()
        wait_for(lambda: not service.workers.list(seen_within_s=2), "the lease to run out")
        with WorkerProcess(tmp_path, **url) as second:
            wait_for(lambda: ended(service, job), "the end of the job")
            assert second.steps() == [1, 2, 3, 4, 5, 5, 6]
        assert (service.jobs.get(job.id).status, service.jobs.get(job.id).attempt) == ("succeeded", 2)


def test_f16_a_disk_that_is_full_for_a_while_costs_no_step(tmp_path: Path) -> None:
    """Neither heartbeats nor the network can be written; once there is room again, both are, by the same attempt."""
    go = tmp_path / "go"
    with serving(tmp_path) as service, WorkerProcess(tmp_path, "--wait-at", "3", "--wait-for", str(go)) as worker:
        job = add_job(service, register={"model": "street"})
        worker.wait_for_step(3)
        with no_room(worker.pid):
            wait_for(stays(lambda: service.jobs.get(job.id).lease, 1), "the heartbeats to fail")
            go.touch()
            wait_for(lambda: worker.steps() == STEPS, "the trainer to finish")
            wait_for(stays(lambda: service.jobs.get(job.id).lease, 1), "the publication to fail")
            assert not ended(service, job)
        wait_for(lambda: ended(service, job), "the end of the job")
        job = service.jobs.get(job.id)
        assert (worker.steps(), job.status, job.attempt, job.version) == (STEPS, "succeeded", 1, 1)
        assert service.artifacts.path(job.files["student.onnx"].sha256).stat().st_size == job.files["student.onnx"].size


@contextlib.contextmanager
def no_room(pid: int) -> Iterator[None]:
    """No file of the process may grow; its children keep the limit that they were started with."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
