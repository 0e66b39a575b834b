"""Redis forgets, falls silent, is full or read-only, while real Celery workers train: not one step is lost to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.proxy import Proxy
from fakes.records import add_job
from fakes.redis_server import RedisServer
from fakes.waiting import wait_for
from fakes.worker_process import WorkerProcess

from service.adapters.celery_hints import CeleryHints, HintQueue
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire
from worker.health import Deaf, Pulse

STEPS = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server.start()


@pytest.fixture
def proxy(redis: RedisServer) -> Iterator[Proxy]:
    with Proxy(redis.port) as proxy:
        yield proxy


@pytest.fixture
def service(tmp_path: Path, proxy: Proxy) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path, redis_url=broker(proxy)))
    yield service
    service.close()


def broker(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def celery_worker(proxy: Proxy, home: Path, *trainer_options: str, **settings: Any) -> WorkerProcess:
    return WorkerProcess(home, *trainer_options, celery=True, redis_url=broker(proxy), **settings)


def wait_for_end(service: Service, job: Job) -> Job:
    wait_for(lambda: service.jobs.get(job.id).ended, f"the end of {job.id}")
    return service.jobs.get(job.id)


def submit(service: Service) -> Job:
    """A job, and the promise that its caller did not wait for the broker."""
    start = time.monotonic()
    job = add_job(service)
    assert time.monotonic() - start < 1
    return job


def test_f10_flushall_in_the_middle_of_a_training_is_not_noticed(
    service: Service, redis: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    """The broker holds nothing that is needed: neither the running job nor the waiting one."""
    go = tmp_path / "go"
    with celery_worker(proxy, tmp_path, "--wait-at", "3", "--wait-for", str(go)) as worker:
        running, waiting = submit(service), submit(service)
        worker.wait_for_step(3)
        redis.flush()
        go.touch()
        assert [wait_for_end(service, job).attempt for job in (running, waiting)] == [1, 1]
        assert worker.steps() == STEPS * 2


def test_f11_a_redis_that_falls_silent_stops_neither_training_nor_submits(
    service: Service, proxy: Proxy, tmp_path: Path
) -> None:
    """Half-open: connections stay, and nothing comes back. What waits for a reply must not be what trains."""
    go = tmp_path / "go"
    with celery_worker(proxy, tmp_path, "--wait-at", "3", "--wait-for", str(go)) as worker:
        job = submit(service)
        worker.wait_for_step(3)
        proxy.fall_silent()
        late = submit(service)
        go.touch()
        assert [wait_for_end(service, each).status for each in (job, late)] == ["succeeded"] * 2
        assert worker.steps() == STEPS * 2


@pytest.mark.parametrize(
    "command",
    [("CONFIG", "SET", "maxmemory", "1"), ("REPLICAOF", "127.0.0.1", "1")],
    ids=["full", "read-only"],
)
def test_f12_a_redis_that_takes_nothing_stops_neither_training_nor_submits(
    service: Service, redis: RedisServer, proxy: Proxy, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """It answers, with an error to every write: full with noeviction, or a replica after a failover."""
    go = tmp_path / "go"
    with celery_worker(proxy, tmp_path, "--wait-at", "3", "--wait-for", str(go)) as worker:
        wait_for(lambda: "ready." in worker.said(), "Celery to be ready")
        job = submit(service)
        worker.wait_for_step(3)
        redis.order(*command)
        late = submit(service)
        go.touch()
        assert [wait_for_end(service, each).status for each in (job, late)] == ["succeeded"] * 2
        assert worker.steps() == STEPS * 2


def test_hints_that_wait_and_are_never_heard_are_noticed(service: Service, redis: RedisServer) -> None:
    """Half of rule 10: the broker answers, the hints are there, and this worker's client has stopped to consume."""
    now = [0.0]
    queue = HintQueue(redis.url)
    pulse = Pulse(service, waiting=queue.count, clock=lambda: now[0])
    pulse.beat(())
    CeleryHints(redis.url).hint("job")
    wait_for(queue.count, "the hint to arrive")
    pulse.beat(())
    now[0] = service.settings.lease_s + 1
    with pytest.raises(Deaf, match="1 hints wait"):
        pulse.beat(())
    redis.stop()
    assert queue.count() is None
    pulse.beat(())
