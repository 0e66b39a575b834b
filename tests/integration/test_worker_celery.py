"""A real Redis, a real Celery worker, a real database. The hint is all that the broker carries."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.records import add_job, add_ready_dataset
from fakes.redis_server import RedisServer
from fakes.servers import serving
from fakes.waiting import DEADLINE_S, wait_for, wait_until_gone
from fakes.worker_process import WorkerProcess, expire_lease

from bpkd_core.data import write_scenes
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire

NEVER_S = 3600.0
"""A poll that no test lives to see: only a hint can start the job."""

PATIENCE_S = 10.0
"""Of a client that submits: less than the broker's own time-outs and retries would take. Alone it takes 20 ms."""

TRAINING_S = 600.0
"""For torch on a machine under load; half a minute on an idle one."""

STEPS = 40
SHORT_JOB: dict[str, Any] = {
    "student": {"type": "arch", "arch": "swiftnet_r18_nano"},
    "teacher": {"type": "train", "arch": "swiftnet_r18_nano"},
    "method": {"type": "bpkd"},
    "control": "none",
    "train": {"steps": STEPS, "batch_size": 2, "crop": [64, 96], "checkpoint_every": 4, "eval_every": STEPS},
}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, redis: RedisServer) -> Iterator[Service]:
    """The API's side: it submits and hints."""
    service = wire(read_settings(home=tmp_path, redis_url=redis.url))
    yield service
    service.close()


def celery_worker(redis: RedisServer, home: Path, *trainer_options: str, **settings: Any) -> WorkerProcess:
    return WorkerProcess(home, *trainer_options, celery=True, redis_url=redis.url, **settings)


def wait_for_idle(worker: WorkerProcess) -> None:
    """Until it takes hints, and has found nothing to do: from here on only a hint or a poll can start a job."""
    wait_for(lambda: "ready." in worker.said(), "Celery to be ready")


def wait_for_end(service: Service, job: Job, deadline_s: float = DEADLINE_S) -> Job:
    wait_for(lambda: service.jobs.get(job.id).ended, f"the end of {job.id}", deadline_s)
    return service.jobs.get(job.id)


def checkpoints(service: Service, job: Job) -> list[tuple[str, int]]:
    """Stage and step of each checkpoint that the job has told of."""
    events = service.events.after(job.id, limit=1000, types=("checkpoint",))
    return [(str(event.data["stage"]), int(event.data["step"])) for event in events]


def test_a_job_survives_the_kill_of_its_celery_worker(service: Service, redis: RedisServer, tmp_path: Path) -> None:
    """The hint starts the job; kill -9 in the middle; another worker goes on from the checkpoint."""
    redis.start()
    with celery_worker(redis, tmp_path, "--pause-at", "5", "--steps", "8", poll_s=NEVER_S) as first:
        wait_for_idle(first)
        job = add_job(service, register={"model": "street"})
        trainer = first.wait_for_step(5)
        first.send(signal.SIGKILL)
        wait_until_gone(trainer)
        expire_lease(service, job)
        with celery_worker(redis, tmp_path, "--steps", "8", poll_s=NEVER_S) as second:
            job = wait_for_end(service, job)
            assert (job.status, job.attempt, job.version) == ("succeeded", 2, 1)
            assert second.steps() == [1, 2, 3, 4, 5, 5, 6, 7, 8]


@pytest.mark.timeout(1200)
def test_a_real_training_survives_the_kill_of_its_celery_worker(
    service: Service, redis: RedisServer, tmp_path: Path
) -> None:
    """The same with torch in the child: no checkpoint is written twice, and the student is registered."""
    write_scenes(tmp_path / "streets", train=8, val=2, test=2, height=96, width=128)
    redis.start()
    with celery_worker(redis, tmp_path, real=True, poll_s=NEVER_S) as first:
        wait_for_idle(first)
        job = add_job(service, data=tmp_path / "streets", register={"model": "street"}, **SHORT_JOB)
        wait_for(lambda: checkpoints(service, job), "the first checkpoint", TRAINING_S)
        first.send(signal.SIGKILL)
        first.wait()
        expire_lease(service, job)
        with celery_worker(redis, tmp_path, real=True, poll_s=NEVER_S):
            job = wait_for_end(service, job, TRAINING_S)
    assert (job.status, job.attempt, job.version) == ("succeeded", 2, 1)
    saved = checkpoints(service, job)
    assert len(saved) == len(set(saved))
    assert {("training_teacher", STEPS), ("training_student", STEPS)} <= set(saved)


def test_f9_a_job_submitted_while_redis_is_down_runs_by_poll(
    service: Service, redis: RedisServer, tmp_path: Path
) -> None:
    """Neither the submit nor the worker's start needs the broker; the client is not kept waiting for it either."""
    redis.start().stop()
    body = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}}
    with celery_worker(redis, tmp_path) as worker, serving(service) as url:
        answer = httpx.post(f"{url}/v1/jobs", json=body, timeout=PATIENCE_S)
        assert answer.status_code == 201
        job = wait_for_end(service, service.jobs.get(answer.json()["id"]))
        assert job.status == "succeeded"
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0


def test_f10_hints_arrive_again_after_redis_was_emptied_and_killed(
    service: Service, redis: RedisServer, tmp_path: Path
) -> None:
    """A worker that silently stops to consume after a blip is what celery >= 5.7 is asked for."""
    redis.start()
    with celery_worker(redis, tmp_path, poll_s=NEVER_S) as worker:
        wait_for_idle(worker)
        redis.flush()
        assert wait_for_end(service, add_job(service)).status == "succeeded"
        redis.stop()
        wait_for(lambda: "Cannot connect" in worker.said(), "the loss to be noticed")
        redis.start()
        wait_for(lambda: worker.said().count("Connected to") == 2, "the worker to come back")
        assert wait_for_end(service, add_job(service)).status == "succeeded"


def test_sigterm_drains_a_celery_worker(service: Service, redis: RedisServer, tmp_path: Path) -> None:
    """Celery's own shutdown and ours are one: exit code 0, the job in the queue, no attempt counted."""
    redis.start()
    with celery_worker(redis, tmp_path, "--pause-at", "3") as worker:
        job = add_job(service)
        worker.wait_for_step(3)
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    job = service.jobs.get(job.id)
    assert (job.status, job.attempt, job.lease.owner) == ("queued", 1, None)
    assert job.checkpoint is not None
