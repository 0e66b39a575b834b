"""`make compose-scale`: two replicas behind a proxy, two workers, and what may be taken away beneath them."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project import PORT, Project, bring, docker, draw, say, tiny_job, wait_until

from bpkd_core.errors import BpkdError
from service.client import Client

JOBS = 20
FILES = ("docker-compose.yml", "docker/compose.scale.yml")
VARIABLES = {"BPKD_PUBLISH": f"127.0.0.1:{PORT + 1}-{PORT + 16}", "BPKD_PROXY": f"127.0.0.1:{PORT}"}
BRIEF = {"control": "none", "register": None}


def main() -> int:
    """One walk; whatever fails ends it with its reason."""
    with Project("bpkd-scale", *FILES, **VARIABLES) as project, tempfile.TemporaryDirectory() as folder:
        project("build")
        project.up("--scale", "api=2", "--scale", "worker=2", healthy_s=120)
        with project.client() as client:
            wait_until("two workers", lambda: len(client.workers.list().data) == 2)
            dataset = bring(project, client, draw(Path(folder) / "street"))
            spread(project, client, dataset)
            lose_the_stores(project, client, dataset)
    return 0


def spread(project: Project, client: Client, dataset: str) -> None:
    """Twenty jobs over two workers, while one of two replicas goes away."""
    with asked_all_the_time(project) as answers:
        jobs = [client.jobs.create(tiny_job(dataset, steps=1, **BRIEF)).id for _ in range(JOBS)]
        wait_until("the first job", lambda: answers["workers"] > 0)
        docker("stop", "--time", "75", project.containers("api")[0])
        say("one replica of the API was stopped")
        ended = [client.jobs.wait(job) for job in jobs]
    say(f"{answers.total()} requests meanwhile: {dict(answers)}")
    assert not [name for name in answers if name not in ("workers", "submitted")], answers
    assert {job.status for job in ended} == {"succeeded"}, Counter(job.status for job in ended)
    assert {job.attempt for job in ended} == {1}
    for job in jobs:
        assert [event.type for event in client.jobs.follow(job)].count("done") == 1, job
    shares = Counter(job.worker for job in ended)
    assert len(shares) == 2, shares
    say(f"{JOBS} jobs, each once, over two workers: {sorted(shares.values())}")


@contextmanager
def asked_all_the_time(project: Project) -> Iterator[Counter[str]]:
    """A client that asks again and again and retries nothing; what it was answered, by name."""
    answers: Counter[str] = Counter()
    over = threading.Event()

    def ask() -> None:
        with project.client(tries=1) as client:
            while not over.wait(0.05):
                try:
                    client.workers.list()
                    answers["workers"] += 1
                except BpkdError as error:
                    answers[f"{type(error).__name__}: {error}"] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def lose_the_stores(project: Project, client: Client, dataset: str) -> None:
    """PostgreSQL is restarted and Redis forgets everything while a job trains."""
    job = client.jobs.create(tiny_job(dataset, steps=200)).id
    wait_until("the training", lambda: (client.jobs.get(job).stage or "").startswith("training"), seconds=120)
    docker("restart", *project.containers("postgres"))
    say("PostgreSQL was restarted")
    project.ask("redis", "sh", "-c", "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli FLUSHALL")
    docker("restart", *project.containers("redis"))
    say("Redis was flushed and restarted")
    ended = client.jobs.wait(job)
    assert (ended.status, ended.attempt) == ("succeeded", 1), ended
    say("the job went on and succeeded in its first attempt")


if __name__ == "__main__":
    sys.exit(main())
