"""The port Jobs, on every store."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from stores import LEASE_S, NOW, Stores, release

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import Diverged, InvalidInput
from bpkd_core.events import Event
from service.domain import lifecycle, work
from service.domain.errors import Conflict, FenceLost, IdempotencyMismatch, NotFound
from service.domain.idempotency import Once
from service.domain.ids import new_id
from service.domain.jobs import Job, Mark
from service.domain.ports import JobFilter, Page
from service.domain.submission import cancel, reap

FILES = {"student.onnx": FileInfo(sha256="a" * 64, size=3)}


def test_a_job_comes_back_as_it_was_stored(stores: Stores) -> None:
    """Every field survives the way to the store and back, nested values and times included."""
    job = stores.draft(
        name="naïve 道路",
        request={"name": "x", "train": {"steps": 10, "crop": [64, 64]}, "register": None},
        metadata={"team": "a"},
        created_by="key_1",
        created_at=NOW.replace(microsecond=123456),
    )
    stores.jobs.add(job)
    assert stores.jobs.get(job.id) == job
    assert stores.jobs.get(job.id).created_at.tzinfo is not None


def test_a_worked_job_comes_back_as_the_last_write_returned_it(stores: Stores) -> None:
    """What a writer is told and what a reader sees are the same."""
    stores.add_job()
    job = work.beat(
        stores.jobs,
        stores.claim(),
        [
            Event("stage", {"stage": "training_student", "state": "started"}),
            Event("warning", {"code": "slow", "message": "one core"}),
            Event(
                "metrics", {"stage": "training_student", "step": 5, "total_steps": 10, "values": {"miou": 0.5, "lr": 1}}
            ),
            Event("checkpoint", {"stage": "training_student", "step": 5}),
        ],
    )
    assert stores.jobs.get(job.id) == job
    assert job.checkpoint == Mark("training_student", 5)
    ended = work.succeed(stores.jobs, job, result={"verdict": "yes"}, files=FILES)
    assert stores.jobs.get(job.id) == ended
    assert ended.files == FILES


def test_an_unknown_job_is_not_found(stores: Stores) -> None:
    """A wrong id is the caller's error, whatever it looks like."""
    for wrong in ("job_nope", "", "'; DROP TABLE jobs; --"):
        with pytest.raises(NotFound):
            stores.jobs.get(wrong)
    with pytest.raises(NotFound):
        cancel(stores.jobs, "job_nope")


@pytest.mark.parametrize("odd", ["job_\0", "half \ud83d", "道" * 1000])
def test_an_id_that_no_database_could_hold_is_the_callers_error(stores: Stores, odd: str) -> None:
    """It came with a request; a 500 would blame the service."""
    with pytest.raises((NotFound, InvalidInput)):
        stores.jobs.get(odd)
    with pytest.raises((NotFound, InvalidInput)):
        stores.models.get(odd)


def test_a_job_needs_a_dataset_that_exists(stores: Stores) -> None:
    """Else a worker would find out hours later."""
    with pytest.raises(NotFound, match="ds_nope"):
        stores.add_job(dataset_id="ds_nope")
    assert stores.claim_none()


def test_claims_go_oldest_first_and_end_with_none(stores: Stores) -> None:
    """Nobody waits forever behind later jobs."""
    first, second = stores.add_job(), stores.add_job()
    assert [stores.claim("w1").id, stores.claim("w2").id] == [first.id, second.id]
    assert stores.claim_none()


def test_a_claim_says_who_works_and_raises_the_fence(stores: Stores) -> None:
    """The fence is what a late writer is told apart by."""
    job = stores.add_job()
    held = stores.claim("w7")
    assert (held.id, held.status, held.worker, held.lease.owner, held.lease.fence) == (job.id, "running", "w7", "w7", 1)
    assert held.lease.until is not None
    assert held.started_at is not None
    assert held.lease.until - held.started_at == timedelta(seconds=LEASE_S)
    assert held.lease.until.utcoffset() == timedelta(0)


def test_a_heartbeat_keeps_the_job_past_its_first_lease(stores: Stores) -> None:
    """A two-day run is held by 60-second leases."""
    stores.add_job()
    held = stores.claim()
    for _ in range(5):
        stores.elapse(LEASE_S - 1)
        assert stores.jobs.reap() == []
        work.beat(stores.jobs, held, lease_s=LEASE_S)
    assert stores.jobs.get(held.id).status == "running"


def test_a_silent_workers_job_is_queued_again_and_its_writes_are_refused(stores: Stores) -> None:
    """F6: a worker that was stopped past its lease wakes up, and must not touch the next one's work."""
    job = stores.add_job()
    zombie = stores.claim("w1")
    stores.elapse(LEASE_S + 1)
    assert [(back.id, back.status, back.attempt) for back in stores.jobs.reap()] == [(job.id, "queued", 2)]
    with pytest.raises(FenceLost):
        work.beat(stores.jobs, zombie)
    held = stores.claim("w2")
    assert held.lease.fence == 2
    before = stores.told(job)
    for write in (
        partial(work.beat, stores.jobs, zombie, [Event("log", {"message": "still here"})]),
        partial(work.succeed, stores.jobs, zombie, result={}, files={}, release=release(job)),
        partial(work.fail, stores.jobs, zombie, Diverged("no")),
        partial(work.give_back, stores.jobs, zombie),
        partial(work.recover, stores.jobs, zombie, "died"),
        partial(work.stop, stores.jobs, zombie),
    ):
        with pytest.raises(FenceLost):
            write()
    assert stores.jobs.get(job.id) == held
    assert stores.told(job) == before
    with pytest.raises(NotFound):
        stores.models.get("street")


def test_a_late_heartbeat_before_the_reaper_keeps_the_job(stores: Stores) -> None:
    """Who is late but not replaced has lost nothing: no work is thrown away without need."""
    stores.add_job()
    held = stores.claim()
    stores.elapse(LEASE_S + 1)
    work.beat(stores.jobs, held, lease_s=LEASE_S)
    assert stores.jobs.reap() == []


def test_three_lost_attempts_without_a_checkpoint_fail_the_job(stores: Stores) -> None:
    """F52: a job that kills every worker must not kill the fourth."""
    job = stores.add_job()
    for _ in range(3):
        stores.claim()
        stores.elapse(LEASE_S + 1)
        stores.jobs.reap()
    ended = stores.jobs.get(job.id)
    assert (ended.status, ended.attempt) == ("failed", 3)
    assert ended.error is not None
    assert ended.error["code"] == "poison"
    assert stores.claim_none()


def test_a_new_checkpoint_starts_the_count_again(stores: Stores) -> None:
    """A long job on a shaky machine gets as many attempts as it makes progress with."""
    job = stores.add_job()
    for step in range(100, 600, 100):
        held = stores.claim()
        work.beat(stores.jobs, held, [Event("checkpoint", {"stage": "training_student", "step": step})])
        stores.elapse(LEASE_S + 1)
        stores.jobs.reap()
    assert (stores.jobs.get(job.id).status, stores.jobs.get(job.id).attempt) == ("queued", 6)


def test_giving_back_counts_no_attempt(stores: Stores) -> None:
    """F42: a deployment that restarts its workers must not poison their jobs."""
    job = stores.add_job()
    for _ in range(4):
        work.give_back(stores.jobs, stores.claim())
    back = stores.jobs.get(job.id)
    assert (back.status, back.attempt, back.attempts_without_progress, back.lease.fence) == ("queued", 1, 0, 4)


def test_cancelling_a_queued_job_ends_it_at_once(stores: Stores) -> None:
    """Nobody is there to be asked."""
    job = stores.add_job()
    assert cancel(stores.jobs, job.id).status == "cancelled"
    assert stores.claim_none()
    assert [kind for kind, _ in stores.told(job)] == ["status", "status", "done"]


def test_cancelling_a_running_job_reaches_its_holder_with_the_heartbeat(stores: Stores) -> None:
    """The flag is the wish; the holder makes it true."""
    stores.add_job()
    held = stores.claim()
    asked = cancel(stores.jobs, held.id)
    assert (asked.status, asked.cancel_requested) == ("running", True)
    assert work.beat(stores.jobs, held).cancel_requested
    assert work.stop(stores.jobs, held).status == "cancelled"


def test_cancelling_twice_or_too_late_changes_nothing(stores: Stores) -> None:
    """Cancel is idempotent, and an ended job stays what it is."""
    stores.add_job()
    held = stores.claim()
    cancel(stores.jobs, held.id)
    events = stores.told(held)
    assert cancel(stores.jobs, held.id).cancel_requested
    assert stores.told(held) == events
    ended = work.succeed(stores.jobs, held, result={}, files={})
    assert cancel(stores.jobs, held.id) == ended == stores.jobs.get(held.id)


def test_stopping_without_a_wish_is_refused(stores: Stores) -> None:
    """A holder that mixes up cancel and shutdown would throw a job away."""
    stores.add_job()
    with pytest.raises(Conflict):
        work.stop(stores.jobs, stores.claim())


def test_a_cancelled_job_whose_worker_died_is_not_tried_again(stores: Stores) -> None:
    """The wish outlives the worker that should have obeyed it."""
    stores.add_job()
    held = stores.claim()
    cancel(stores.jobs, held.id)
    stores.elapse(LEASE_S + 1)
    assert [job.status for job in stores.jobs.reap()] == ["cancelled"]


def test_success_publishes_version_alias_job_and_events_together(stores: Stores) -> None:
    """Whoever sees the job succeeded can use its model."""
    stores.add_job()
    held = stores.claim()
    ended = work.succeed(stores.jobs, held, result={"miou": 0.7}, files=FILES, release=release(held, alias="candidate"))
    assert (ended.status, ended.model, ended.version) == ("succeeded", "street", 1)
    assert stores.models.alias("street", "candidate").version == 1
    assert stores.models.version("street", 1).job_id == held.id
    assert stores.told(held)[-1] == ("done", {"status": "succeeded", "error": None, "model": "street", "version": 1})


def test_success_can_be_repeated_when_its_answer_was_lost(stores: Stores) -> None:
    """F8: the database committed and the connection broke; the worker tries again and must not fail the job."""
    stores.add_job()
    held = stores.claim()
    succeed = partial(work.succeed, stores.jobs, held, result={}, files=FILES, release=release(held, alias="live"))
    first = succeed()
    assert succeed() == first
    assert stores.models.get("street").latest == 1
    assert len(stores.models.history("street", "live")) == 1


def test_an_ended_job_never_changes(stores: Stores) -> None:
    """Terminal is terminal, also for its own last holder."""
    stores.add_job()
    held = stores.claim()
    failed = work.fail(stores.jobs, held, Diverged("the loss is NaN"))
    assert failed.error is not None
    assert failed.error["code"] == "diverged"
    for write in (
        partial(work.succeed, stores.jobs, held, result={}, files={}),
        partial(work.beat, stores.jobs, held),
        partial(work.give_back, stores.jobs, held),
    ):
        with pytest.raises(FenceLost):
            write()
    assert stores.jobs.get(held.id) == failed


def test_a_move_that_raises_changes_nothing(stores: Stores) -> None:
    """A failed write leaves neither the job nor its events half-changed."""
    job = stores.add_job()
    stores.claim()

    def broken(before: Job, _now: object) -> lifecycle.Change:
        return lifecycle.Change(
            before.evolve(name="changed"), (), release(before.evolve(id="job_nope"), model="half", alias="live")
        )

    with pytest.raises(NotFound):
        stores.jobs.change(job.id, broken, fence=1)
    assert stores.jobs.get(job.id).name == "streets"
    with pytest.raises(NotFound):
        stores.models.get("half")


def test_an_idempotency_key_makes_one_job(stores: Stores) -> None:
    """F44: a client that repeats a submit, because the answer was lost, gets the job that it has."""
    once = Once("key_1 POST /v1/jobs", "k", "b" * 64)
    first = stores.jobs.add(stores.draft(), once=once)
    assert stores.jobs.add(stores.draft(), once=once) == first
    assert stores.jobs.list(Page()).data == (first,)
    with pytest.raises(IdempotencyMismatch):
        stores.jobs.add(stores.draft(), once=Once(once.scope, "k", "c" * 64))
    other = stores.jobs.add(stores.draft(), once=Once("key_2 POST /v1/jobs", "k", "c" * 64))
    assert other.id != first.id


def test_an_idempotency_key_is_forgotten_after_a_day(stores: Stores) -> None:
    """The promise ends where the documentation says."""
    once = Once("s", "k", "b" * 64)
    first = stores.jobs.add(stores.draft(), once=once)
    stores.elapse(24 * 3600 - 1)
    assert stores.jobs.add(stores.draft(), once=once).id == first.id
    stores.elapse(2)
    assert stores.jobs.add(stores.draft(), once=once).id != first.id


def test_lists_page_by_age_in_both_directions(stores: Stores) -> None:
    """Following `after` visits every job once."""
    ids = [stores.add_job().id for _ in range(5)]
    page = stores.jobs.list(Page(limit=2))
    assert ([job.id for job in page.data], page.has_more) == ([ids[4], ids[3]], True)
    page = stores.jobs.list(Page(limit=2, after=ids[3]))
    assert ([job.id for job in page.data], page.has_more) == ([ids[2], ids[1]], True)
    page = stores.jobs.list(Page(limit=2, after=ids[1]))
    assert ([job.id for job in page.data], page.has_more) == ([ids[0]], False)
    page = stores.jobs.list(Page(limit=3, after=ids[1], order="asc"))
    assert ([job.id for job in page.data], page.has_more) == (ids[2:], False)


def test_lists_are_filtered_by_every_given_field(stores: Stores) -> None:
    """Filters narrow; they never widen."""
    dataset = stores.add_dataset()
    one, two = stores.add_job(dataset_id=dataset.id), stores.add_job()
    held = stores.claim()
    work.succeed(stores.jobs, held, result={}, files={}, release=release(held))

    def ids(where: JobFilter) -> list[str]:
        return [job.id for job in stores.jobs.list(Page(order="asc"), where).data]

    assert ids(JobFilter()) == [one.id, two.id]
    assert ids(JobFilter(status="queued")) == [two.id]
    assert ids(JobFilter(dataset_id=dataset.id)) == [one.id]
    assert ids(JobFilter(model="street", status="succeeded")) == [one.id]
    assert ids(JobFilter(model="street", status="queued")) == []


def test_the_reaper_hints_only_for_what_waits_again(stores: Stores) -> None:
    """A hint wakes a worker; a cancelled job has nothing for it."""
    sent: list[str] = []

    class Recorder:
        def hint(self, kind: str) -> None:
            sent.append(kind)

    stores.add_job()
    held = stores.claim()
    cancel(stores.jobs, held.id)
    stores.elapse(LEASE_S + 1)
    assert reap(stores.jobs, stores.datasets, stores.teachers, Recorder()) == [held.id]
    assert sent == []
    stores.add_job()
    again = stores.claim()
    stores.elapse(LEASE_S + 1)
    assert reap(stores.jobs, stores.datasets, stores.teachers, Recorder()) == [again.id]
    assert sent == ["job"]


def test_the_greater_priority_is_worked_on_first(stores: Stores) -> None:
    """An urgent job does not wait for the sweep that was submitted last night."""
    usual, urgent, idle = (stores.add_job(priority=priority) for priority in (0, 100, -100))
    assert [stores.claim(worker).id for worker in ("w1", "w2", "w3")] == [urgent.id, usual.id, idle.id]


def test_of_equal_priority_who_has_the_fewest_running_comes_first(stores: Stores) -> None:
    """One key's hundred jobs do not shut out everybody else."""
    first, second, third = (stores.add_job(created_by="key_a") for _ in range(3))
    theirs, nobodys = stores.add_job(created_by="key_b"), stores.add_job()
    turns = [stores.claim(f"w{number}").id for number in range(5)]
    assert turns == [first.id, theirs.id, nobodys.id, second.id, third.id]


def test_lists_are_filtered_by_the_beginning_of_a_name_and_by_metadata(stores: Stores) -> None:
    """What a filter means must not depend on the store: case counts, and odd characters are themselves."""
    dataset = stores.add_dataset()
    names = ["street-a", "street-b", "Street", "stree", "str%eet", "straße"]
    jobs = {name: stores.add_job(dataset_id=dataset.id, name=name, metadata={"n": name}).id for name in names}

    def found(**wanted: Any) -> list[str]:
        return [job.id for job in stores.jobs.list(Page(order="asc"), JobFilter(**wanted)).data]

    assert found(name_prefix="street") == [jobs["street-a"], jobs["street-b"]]
    assert found(name_prefix="str%") == [jobs["str%eet"]]
    assert found(name_prefix="straß") == [jobs["straße"]]
    assert found(name_prefix="") == list(jobs.values())
    assert found(metadata=("n", "Street")) == [jobs["Street"]]
    assert found(metadata=("n", "street")) == found(metadata=("m", "Street")) == []
    assert found(metadata=("n", "stree"), name_prefix="street") == []


def test_lists_are_filtered_by_a_span_of_time_and_by_teacher(stores: Stores) -> None:
    """The first moment belongs to the span, the last does not; so spans can be put end to end."""
    dataset, teacher = stores.add_dataset(), stores.add_teacher()
    times = [NOW + timedelta(seconds=seconds) for seconds in (-3600, 0, 0.5, 3600)]
    ids = [new_id("job", now=at, entropy=bytes(10)) for at in times]
    for number, (job_id, at) in enumerate(zip(ids, times, strict=True)):
        teacher_id = teacher.id if number < 2 else None
        stores.add_job(id=job_id, created_at=at, dataset_id=dataset.id, teacher_id=teacher_id)

    def found(**wanted: Any) -> list[str]:
        return [job.id for job in stores.jobs.list(Page(order="asc"), JobFilter(**wanted)).data]

    assert found(created_from=times[1], created_before=times[3]) == ids[1:3]
    assert found(created_from=times[2]) == ids[2:]
    assert found(created_before=times[1]) == ids[:1]
    assert found(teacher_id=teacher.id) == ids[:2]
    assert found(teacher_id=teacher.id, created_from=times[1]) == ids[1:2]
