"""Those who watch a job, and a server that does not live as long as the job does."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Thread

from fakes.records import add_job
from fakes.servers import free_port, process
from fakes.waiting import DEADLINE_S, wait_for

from bpkd_core.events import Event
from service.client import Client, Patience
from service.domain import lifecycle, work
from service.domain.jobs import Job
from service.settings import read_settings
from service.wiring import Service, wire


def say(service: Service, job: Job, *messages: str) -> None:
    work.beat(service.jobs, job, [Event("log", {"message": message}) for message in messages])


def test_a_stream_goes_on_where_a_killed_server_broke_it_off(tmp_path: Path) -> None:
    """F41: the next server answers `Last-Event-ID`, so that a watcher misses nothing and sees nothing twice."""
    port, seen = free_port(), list[tuple[int, str]]()
    service = wire(read_settings(home=tmp_path))
    add_job(service)
    job = service.jobs.claim("worker-1", lease_s=600)
    assert job is not None

    def follow() -> None:
        with Client(f"http://127.0.0.1:{port}", patience=Patience(tries=600, longest_s=0.1)) as client:
            seen.extend((event.seq, event.type) for event in client.jobs.follow(job.id))

    watcher = Thread(target=follow, daemon=True)

    def heard(number: int) -> bool:
        return len(seen) >= number

    with process(tmp_path, port) as first:
        watcher.start()
        say(service, job, "one", "two")
        wait_for(partial(heard, 4), "the first events")
        first.kill()
        first.wait(timeout=DEADLINE_S)
    say(service, job, "while nobody served")
    with process(tmp_path, port):
        wait_for(partial(heard, 5), "what was said meanwhile")
        say(service, job, "three")
        end = partial(lifecycle.succeed, result={}, files={}, release=None)
        service.jobs.change(job.id, end, fence=job.lease.fence)
        watcher.join(timeout=DEADLINE_S)
    service.close()
    assert not watcher.is_alive()
    assert seen == [
        (1, "status"),
        (2, "status"),
        *((number, "log") for number in (3, 4, 5, 6)),
        (7, "status"),
        (8, "done"),
    ]
