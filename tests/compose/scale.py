"""`make compose-scale`: two API replicas behind a proxy and two workers; one replica goes while jobs come in."""

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
FILES = ("docker-compose.yml", "docker/compose.scale.yml", "tests/compose/brief.yml")
VARIABLES = {"API_ADDRESS": f"127.0.0.1:{PORT + 1}-{PORT + 16}", "PROXY_ADDRESS": f"127.0.0.1:{PORT}"}


def main() -> int:
    """One walk; whatever fails ends it with its reason."""
    with Project("bpkd-scale", *FILES, **VARIABLES) as project, tempfile.TemporaryDirectory() as folder:
        project("build")
        project.up("--scale", "api=2", "--scale", "worker=2", healthy_s=120)
        with project.client() as client:
            wait_until("two workers", lambda: len(client.workers.list().data) == 2)
            wait_until("two replicas", lambda: len(addresses(project)) == 2)
            dataset = bring(client, draw(Path(folder) / "street"))
            spread(project, client, dataset)
    return 0


def addresses(project: Project) -> list[str]:
    """The replicas that are healthy."""
    form = "{{.State.Health.Status}}"
    return [each for each in project.containers("api") if docker("inspect", each, "--format", form) == "healthy"]


def spread(project: Project, client: Client, dataset: str) -> None:
    """Twenty jobs over two workers, while one of two replicas goes away."""
    with asked_all_the_time(project) as answers:
        jobs = [client.jobs.create(tiny_job(dataset)).id for _ in range(JOBS // 2)]
        docker("stop", "--time", "75", project.containers("api")[0])
        say(f"one replica of the API was stopped after {answers['workers']} answers")
        jobs += [client.jobs.create(tiny_job(dataset)).id for _ in range(JOBS // 2)]
        ended = [client.jobs.wait(job) for job in jobs]
    say(f"{answers.total()} requests meanwhile, without a second try: {dict(answers)}")
    assert list(answers) == ["workers"], answers
    assert Counter(job.status for job in ended) == {"succeeded": JOBS}, Counter(job.status for job in ended)
    assert {job.attempt for job in ended} == {1}
    for job in jobs:
        assert [event.type for event in client.jobs.follow(job)].count("done") == 1, job
    assert sorted(job.version or 0 for job in ended) == list(range(1, JOBS + 1))
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


if __name__ == "__main__":
    sys.exit(main())
