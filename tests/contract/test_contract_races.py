"""Many at once, on every store: threads of one process, and for databases processes too."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from stores import LEASE_S, Stores, release, sql_stores

from service.domain import work
from service.domain.errors import BpkdError, FenceLost, IdempotencyInFlight, StalePrecondition
from service.domain.idempotency import Once
from service.domain.ports import Page
from service.domain.registry import promote
from service.domain.submission import cancel

T = TypeVar("T")
THREADS = 8


def at_once(act: Callable[[int], T]) -> list[T]:
    """Run `act(0)`, `act(1)` ... in threads that start together."""
    barrier = Barrier(THREADS)

    def start(number: int) -> T:
        barrier.wait(timeout=30)
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


def test_no_job_is_claimed_twice_by_threads(stores: Stores) -> None:
    """F38: two workers on one job would cost a day each and publish twice."""
    dataset = stores.add_dataset()
    ids = {stores.add_job(dataset_id=dataset.id).id for _ in range(40)}

    def claim_all(number: int) -> list[str]:
        mine: list[str] = []
        while (job := stores.jobs.claim(f"w{number}", lease_s=LEASE_S)) is not None:
            mine.append(job.id)
        return mine

    claimed = [job_id for mine in at_once(claim_all) for job_id in mine]
    assert sorted(claimed) == sorted(ids)


CLAIMER = """
import sys
sys.path.insert(0, sys.argv[1])
from stores import sql_stores
stores = sql_stores(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
while (job := stores.jobs.claim(sys.argv[3], lease_s=60)) is not None:
    print(job.id, flush=True)
stores.close()
"""


def test_no_job_is_claimed_twice_by_processes(sql_url: str) -> None:
    """F38 again, where no lock of one process can help."""
    stores = sql_stores(sql_url)
    dataset = stores.add_dataset()
    ids = sorted(stores.add_job(dataset_id=dataset.id).id for _ in range(40))
    stores.close()
    command = [sys.executable, "-c", CLAIMER, str(Path(__file__).parent), sql_url]
    workers = [
        subprocess.Popen([*command, f"w{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        claimed = [line for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert sorted(claimed) == ids


def test_parallel_submits_with_one_key_make_one_job(stores: Stores) -> None:
    """F44: a client's retry storm is one job."""
    once = Once("s", "k", "b" * 64)
    drafts = [stores.draft() for _ in range(THREADS)]
    made = at_once(lambda number: stores.jobs.add(drafts[number], once=once).id)
    assert len(set(made)) == 1
    assert [job.id for job in stores.jobs.list(Page()).data] == [made[0]]


def test_parallel_begins_with_one_key_let_one_act(stores: Stores) -> None:
    """The others are told that it is in flight, and none acts."""

    def begin(_number: int) -> str:
        try:
            return "acts" if stores.idempotency.begin(Once("s", "k", "b" * 64)) is None else "replays"
        except IdempotencyInFlight:
            return "waits"

    assert Counter(at_once(begin)) == {"acts": 1, "waits": THREADS - 1}


def test_parallel_publications_of_one_job_make_one_version(stores: Stores) -> None:
    """A zombie and its successor may both reach the end."""
    job = stores.add_job()
    versions = at_once(lambda _number: stores.models.publish(release(job, alias="live")))
    assert [version.version for version in versions] == [1] * THREADS
    assert len(stores.models.history("street", "live")) == 1


def test_parallel_publications_of_many_jobs_get_numbers_without_a_gap(stores: Stores) -> None:
    """Version numbers are handed out one at a time."""
    jobs = [stores.add_job() for _ in range(THREADS)]
    versions = at_once(lambda number: stores.models.publish(release(jobs[number], alias="live")))
    assert sorted(version.version for version in versions) == list(range(1, THREADS + 1))
    assert [move.revision for move in stores.models.history("street", "live")] == list(range(1, THREADS + 1))


def test_of_parallel_promotions_with_one_precondition_one_wins(stores: Stores) -> None:
    """If-Match decides races; nobody overwrites what he has not seen."""
    for _ in range(THREADS):
        stores.models.publish(release(stores.add_job()))

    def move(number: int) -> bool:
        try:
            promote(stores.models, "street", "live", number + 1, expected_revision=0)
        except StalePrecondition:
            return False
        return True

    assert sum(at_once(move)) == 1
    assert stores.models.alias("street", "live").revision == 1


@pytest.mark.parametrize("round_", range(5))
def test_cancel_and_success_at_once_leave_one_end(stores: Stores, round_: int) -> None:
    """F45: whoever comes first, the job has one terminal state, one `done`, and a version only if it succeeded."""
    job = stores.add_job()
    held = stores.claim()

    def race(number: int) -> str:
        try:
            if number % 2:
                return cancel(stores.jobs, job.id).status
            if number == 0:
                return work.stop(stores.jobs, held).status
            return work.succeed(stores.jobs, held, result={}, files={}, release=release(job)).status
        except BpkdError as error:
            return error.code

    at_once(race)
    ended = stores.jobs.get(job.id)
    assert ended.status in ("cancelled", "succeeded")
    assert [kind for kind, _ in stores.told(job)].count("done") == 1
    assert (ended.version is not None) == (ended.status == "succeeded")
    assert len(stores.models.list(Page()).data) == (ended.status == "succeeded")


def test_heartbeats_and_cancels_at_once_number_events_without_a_gap(stores: Stores) -> None:
    """Two writers of one job's events never take the same number."""
    from bpkd_core.events import Event

    job = stores.add_job()
    held = stores.claim()

    def write(number: int) -> None:
        if number == 0:
            cancel(stores.jobs, job.id)
        for line in range(5):
            work.beat(stores.jobs, held, [Event("log", {"message": f"{number} {line}"})])

    at_once(write)
    events = stores.events.after(job.id, limit=1000)
    assert [event.seq for event in events] == list(range(1, 5 * THREADS + 4))


def test_reapers_at_once_count_one_attempt(stores: Stores) -> None:
    """Every API and every worker reaps; an attempt lost is lost once."""
    dataset = stores.add_dataset()
    jobs = [stores.add_job(dataset_id=dataset.id) for _ in range(5)]
    for _ in jobs:
        stores.claim()
    stores.elapse(LEASE_S + 1)
    moved = [job.id for back in at_once(lambda _number: stores.jobs.reap()) for job in back]
    assert sorted(moved) == sorted(job.id for job in jobs)
    assert {stores.jobs.get(job.id).attempt for job in jobs} == {2}


def test_a_beat_and_the_reaper_at_once_agree(stores: Stores) -> None:
    """Either the holder keeps the job, or it learns that it lost it; never both, never neither."""
    job = stores.add_job()
    held = stores.claim()
    stores.elapse(LEASE_S + 1)

    def race(number: int) -> str:
        if number % 2:
            return "reaped" if stores.jobs.reap() else "nothing"
        try:
            work.beat(stores.jobs, held, lease_s=LEASE_S)
        except FenceLost:
            return "lost"
        return "kept"

    outcomes = Counter(at_once(race))
    status = stores.jobs.get(job.id).status
    assert (status == "queued") == (outcomes["reaped"] == 1)
    assert (status == "running") == (outcomes["reaped"] == 0 and outcomes["lost"] == 0)
