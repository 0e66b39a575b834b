"""The ports Keys, Idempotency and Workers, on every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from stores import NOW, Stores

from bpkd_core.errors import InvalidInput
from service.domain import work
from service.domain.errors import IdempotencyInFlight, IdempotencyMismatch, NotFound, QuotaExceeded
from service.domain.idempotency import IN_FLIGHT_S, KEEP_S, Answer, Once
from service.domain.jobs import Job
from service.domain.keys import ApiKey, digest
from service.domain.workers import Worker

ONCE = Once("local POST /v1/models/street/aliases/live/rollback", "k", "b" * 64)
ANSWER = Answer(200, {"alias": "live", "version": 2}, {"ETag": '"2"'})


def test_a_key_is_found_by_the_hash_of_its_secret_until_it_is_revoked(stores: Stores) -> None:
    """A revoked key opens nothing."""
    key = ApiKey("key_1", "laptop", digest("bpkd_secret"), NOW)
    stores.keys.add(key)
    stores.keys.add(ApiKey("key_2", "phone", digest("other"), NOW))
    assert stores.keys.find(digest("bpkd_secret")) == key
    assert [known.id for known in stores.keys.list()] == ["key_1", "key_2"]
    stores.keys.revoke("key_1")
    assert stores.keys.find(digest("bpkd_secret")) is None
    with pytest.raises(NotFound):
        stores.keys.revoke("key_1")


def test_a_key_comes_back_with_all_that_it_may_do(stores: Stores) -> None:
    """A limit that the store forgets is none."""
    limits = {"expires_at": NOW, "max_running": 2, "max_queued": 20, "last_used_at": NOW}
    key = ApiKey("key_1", "camera", digest("bpkd_secret"), NOW, scopes=("read", "infer"), **limits)
    stores.keys.add(key)
    assert stores.keys.find(digest("bpkd_secret")) == key


def test_the_use_of_a_key_is_noted_by_the_stores_clock(stores: Stores) -> None:
    """Two servers with different clocks write one history."""
    stores.keys.add(ApiKey("key_1", "laptop", digest("bpkd_secret"), NOW))
    stores.keys.touch("key_1")
    stores.elapse(100)
    (before,) = stores.keys.list()
    stores.keys.touch("key_1")
    stores.keys.touch("key_nobody")
    (after,) = stores.keys.list()
    assert (after.last_used_at - before.last_used_at).total_seconds() == pytest.approx(100)


def test_a_secret_is_known_once(stores: Stores) -> None:
    """Two servers that start together let the same first key in; neither may fail over it."""
    for number in (1, 2):
        stores.keys.add(ApiKey(f"key_{number}", "first", digest("bpkd_secret"), NOW))
    assert [known.id for known in stores.keys.list()] == ["key_1"]


def test_the_first_request_acts_and_the_next_ones_get_its_answer(stores: Stores) -> None:
    """A rollback that is sent twice happens once."""
    assert stores.idempotency.begin(ONCE) is None
    stores.idempotency.finish(ONCE, ANSWER)
    assert stores.idempotency.begin(ONCE) == ANSWER
    assert stores.idempotency.begin(Once("another " + ONCE.scope, ONCE.key, ONCE.body_sha256)) is None


def test_a_key_with_another_body_is_refused(stores: Stores) -> None:
    """Answering it with the first body's answer would be a lie."""
    stores.idempotency.begin(ONCE)
    other = Once(ONCE.scope, ONCE.key, "c" * 64)
    with pytest.raises(IdempotencyMismatch):
        stores.idempotency.begin(other)
    stores.idempotency.finish(ONCE, ANSWER)
    with pytest.raises(IdempotencyMismatch):
        stores.idempotency.begin(other)


def test_a_request_in_flight_keeps_its_twin_out_until_its_server_must_be_dead(stores: Stores) -> None:
    """Two twins at once would act twice; a twin of a crashed request must not wait for a day."""
    stores.idempotency.begin(ONCE)
    with pytest.raises(IdempotencyInFlight):
        stores.idempotency.begin(ONCE)
    stores.elapse(IN_FLIGHT_S + 1)
    assert stores.idempotency.begin(ONCE) is None
    with pytest.raises(IdempotencyInFlight):
        stores.idempotency.begin(ONCE)


def test_a_failed_request_may_be_tried_again(stores: Stores) -> None:
    """The promise is about what happened, and nothing happened."""
    stores.idempotency.begin(ONCE)
    stores.idempotency.abandon(ONCE)
    assert stores.idempotency.begin(ONCE) is None


def test_abandoning_does_not_forget_what_was_created(stores: Stores) -> None:
    """The job was stored, then the answer failed: the next try must find the job and not make another."""
    stores.idempotency.begin(ONCE)
    job = stores.jobs.add(stores.draft(), once=ONCE)
    stores.idempotency.abandon(ONCE)
    assert stores.idempotency.begin(ONCE) is None
    assert stores.jobs.add(stores.draft(), once=ONCE) == job


def test_answers_are_kept_for_a_day(stores: Stores) -> None:
    """The store does not grow without end."""
    stores.idempotency.begin(ONCE)
    stores.idempotency.finish(ONCE, ANSWER)
    stores.elapse(KEEP_S - 1)
    assert stores.idempotency.begin(ONCE) == ANSWER
    stores.elapse(2)
    assert stores.idempotency.begin(Once(ONCE.scope, ONCE.key, "c" * 64)) is None


def test_workers_are_seen_by_the_stores_clock(stores: Stores) -> None:
    """A worker with a wrong clock is neither immortal nor dead."""
    worker = Worker("w1", "host", 42, "0.1.0", started_at=NOW, seen_at=NOW.replace(year=2000), holds=("job_1",))
    stores.workers.beat(worker)
    (seen,) = stores.workers.list()
    assert (seen.id, seen.host, seen.pid, seen.holds) == ("w1", "host", 42, ("job_1",))
    assert seen.seen_at > worker.seen_at
    stores.elapse(50)
    stores.workers.beat(Worker("w0", "host", 43, "0.1.0", started_at=NOW, seen_at=NOW))
    assert [known.id for known in stores.workers.list()] == ["w0", "w1"]
    stores.elapse(20)
    assert [known.id for known in stores.workers.list(seen_within_s=60)] == ["w0"]
    stores.workers.beat(worker)
    assert [known.id for known in stores.workers.list(seen_within_s=60)] == ["w0", "w1"]


def test_a_worker_that_leaves_is_gone_and_may_leave_twice(stores: Stores) -> None:
    """A clean shutdown is visible at once."""
    stores.workers.beat(Worker("w1", "host", 42, "0.1.0", started_at=NOW, seen_at=NOW))
    stores.workers.leave("w1")
    stores.workers.leave("w1")
    assert list(stores.workers.list()) == []


def test_a_key_may_queue_so_many_jobs_and_no_more(stores: Stores) -> None:
    """One user's loop must not fill the queue of all. A repeat of a request that was taken is still answered."""
    stores.keys.add(ApiKey("key_1", "student", digest("bpkd_secret"), NOW, max_queued=2))
    once = Once("key_1 POST /v1/jobs", "k", "b" * 64)
    first = stores.jobs.add(stores.draft(created_by="key_1"), once=once)
    stores.add_job(created_by="key_1")
    with pytest.raises(QuotaExceeded, match="2 jobs in the queue; it may have 2"):
        stores.add_job(created_by="key_1")
    assert stores.jobs.add(stores.draft(created_by="key_1"), once=once) == first
    stores.add_job(created_by="key_2")
    stores.claim()
    stores.add_job(created_by="key_1")


def test_a_key_may_run_so_many_jobs_at_once(stores: Stores) -> None:
    """The others' jobs are not held up by a key that is at its limit, and its next one starts when one ends."""
    stores.keys.add(ApiKey("key_1", "student", digest("bpkd_secret"), NOW, max_running=1))
    mine = [stores.add_job(created_by="key_1", priority=5) for _ in range(2)]
    other, nobodys = stores.add_job(created_by="key_2"), stores.add_job()
    started = [stores.claim() for _ in range(3)]
    assert [job.id for job in started] == [mine[0].id, other.id, nobodys.id]
    assert stores.claim_none()
    work.fail(stores.jobs, started[0], InvalidInput("no"))
    assert stores.claim().id == mine[1].id


def test_a_revoked_keys_jobs_go_on(stores: Stores) -> None:
    """Revoking shuts the door; what came in through it is not thrown out."""
    stores.keys.add(ApiKey("key_1", "student", digest("bpkd_secret"), NOW, max_running=0, max_queued=1))
    job = stores.add_job(created_by="key_1")
    assert stores.claim_none()
    stores.keys.revoke("key_1")
    assert stores.claim().id == job.id


def test_parallel_submits_keep_to_the_limit(stores: Stores) -> None:
    """Counting first and storing later would let a burst through."""
    stores.keys.add(ApiKey("key_1", "student", digest("bpkd_secret"), NOW, max_queued=3))
    drafts = [stores.draft(created_by="key_1") for _ in range(12)]

    def submit(job: Job) -> bool:
        try:
            stores.jobs.add(job)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(submit, drafts)) == 3


def test_parallel_claims_keep_to_the_limit(stores: Stores) -> None:
    """Two workers that look at the same moment must not both start a key's last one."""
    stores.keys.add(ApiKey("key_1", "student", digest("bpkd_secret"), NOW, max_running=2))
    for _ in range(8):
        stores.add_job(created_by="key_1")
    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(lambda n: stores.jobs.claim(f"w{n}", lease_s=60), range(12)))
    assert sum(job is not None for job in started) == 2
