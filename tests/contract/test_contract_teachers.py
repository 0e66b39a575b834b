"""The port Teachers, on every store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from stores import CLASSES, LEASE_S, TEACHER_FILE, Stores

from service.domain import checks, lifecycle, teachers
from service.domain.errors import Conflict, FenceLost, IdempotencyMismatch, NotFound
from service.domain.idempotency import Once
from service.domain.ports import Page, TeacherFilter
from service.domain.submission import reap
from service.domain.teachers import Teacher

PROBE = {"miou": 0.8, "findings": []}


def claim(stores: Stores, owner: str = "w1") -> Teacher:
    teacher = stores.teachers.claim(owner, lease_s=LEASE_S)
    assert teacher is not None
    return teacher


def move(stores: Stores, held: Teacher, change: teachers.TeacherMove) -> Teacher:
    return stores.teachers.change(held.id, change, fence=held.lease.fence)


def test_a_teacher_comes_back_as_it_was_stored(stores: Stores) -> None:
    """Before its file, with it, and after its probe, every field survives."""
    waiting = stores.teachers.add(stores.draft_teacher(metadata={"from": "a colleague"}, created_by="key_1"))
    assert stores.teachers.get(waiting.id) == waiting
    there = stores.teachers.change(waiting.id, partial(teachers.receive, info=TEACHER_FILE), fence=None)
    assert (there.state, there.sha256, there.size) == ("probing", TEACHER_FILE.sha256, TEACHER_FILE.size)
    ready = move(stores, claim(stores), partial(teachers.conclude, probe=PROBE))
    assert stores.teachers.get(waiting.id) == ready
    assert (ready.state, ready.probe, ready.classes) == ("ready", PROBE, CLASSES)


def test_what_is_unknown_is_not_found(stores: Stores) -> None:
    """A wrong id is the caller's error, and so is a dataset that has gone meanwhile."""
    with pytest.raises(NotFound, match="tch_nope"):
        stores.teachers.get("tch_nope")
    with pytest.raises(NotFound, match="tch_nope"):
        stores.teachers.delete("tch_nope")
    with pytest.raises(NotFound, match="ds_nope"):
        stores.add_teacher(dataset_id="ds_nope")
    with pytest.raises(NotFound, match="tch_nope"):
        stores.add_job(teacher_id="tch_nope")


def test_each_teacher_is_probed_by_one_worker_once_its_file_is_there(stores: Stores) -> None:
    """A file that has not come cannot be tried."""
    stores.teachers.add(stores.draft_teacher())
    first, second = stores.add_teacher(), stores.add_teacher()
    assert [claim(stores, "w1").id, claim(stores, "w2").id] == [first.id, second.id]
    assert stores.teachers.claim("w3", lease_s=LEASE_S) is None


def test_a_probe_goes_on_while_its_worker_lives_and_is_taken_back_when_it_dies(stores: Stores) -> None:
    """As with jobs and datasets: the store's clock decides."""
    teacher = stores.add_teacher()
    held = claim(stores)
    stores.elapse(LEASE_S - 1)
    move(stores, held, partial(checks.beat, lease_s=LEASE_S))
    stores.elapse(LEASE_S - 1)
    assert stores.teachers.reap() == []
    stores.elapse(2)
    hints = Recorder()
    assert reap(stores.jobs, stores.datasets, stores.teachers, hints) == [teacher.id]
    assert hints.kinds == ["teacher"]
    for late in (partial(checks.beat, lease_s=1), partial(teachers.conclude, probe=PROBE), checks.give_back):
        with pytest.raises(FenceLost):
            move(stores, held, late)
    assert claim(stores).lease.fence == 2


def test_a_file_that_kills_three_probes_is_refused(stores: Stores) -> None:
    """It must not take workers down for ever; and a shutdown is nobody's fault."""
    teacher = stores.add_teacher()
    for _ in range(4):
        assert move(stores, claim(stores), checks.give_back).attempt == 1
    for _ in range(3):
        move(stores, claim(stores), partial(checks.recover, reason="killed by signal 9"))
    ended = stores.teachers.get(teacher.id)
    assert ended.state == "refused"
    assert ended.error is not None
    assert ended.error["code"] == "poison"


def test_an_idempotency_key_makes_one_teacher(stores: Stores) -> None:
    """A repeated registration gives the teacher that is there."""
    once, dataset_id = Once("s", "k", "b" * 64), stores.add_dataset().id
    first = stores.teachers.add(stores.draft_teacher(dataset_id=dataset_id), once=once)
    assert stores.teachers.add(stores.draft_teacher(dataset_id=dataset_id), once=once) == first
    with pytest.raises(IdempotencyMismatch):
        stores.teachers.add(stores.draft_teacher(dataset_id=dataset_id), once=Once("s", "k", "c" * 64))
    assert stores.teachers.list(Page()).data == (first,)


def test_lists_are_filtered_by_state_and_dataset(stores: Stores) -> None:
    """What is ready to teach this dataset can be asked for."""
    ready = stores.add_teacher()
    move(stores, claim(stores), partial(teachers.conclude, probe=PROBE))
    waiting = stores.add_teacher()

    def listed(**where: Any) -> list[str]:
        return [teacher.id for teacher in stores.teachers.list(Page(), TeacherFilter(**where)).data]

    assert listed() == [waiting.id, ready.id]
    assert listed(state="ready") == [ready.id]
    assert listed(dataset_id=waiting.dataset_id) == [waiting.id]
    assert listed(state="ready", dataset_id=waiting.dataset_id) == []


def test_a_teacher_goes_once_no_job_needs_it(stores: Stores) -> None:
    """A job that runs must find its file; one that has ended says by its provenance what it learned from."""
    teacher = stores.add_teacher()
    job = stores.add_job(teacher_id=teacher.id)
    with pytest.raises(Conflict, match=f"Job {job.id} has not ended and learns from teacher {teacher.id}"):
        stores.teachers.delete(teacher.id)
    stores.jobs.change(job.id, lifecycle.cancel, fence=None)
    stores.teachers.delete(teacher.id)
    assert stores.teachers.list(Page()).data == ()
    assert stores.jobs.get(job.id).teacher_id == teacher.id


def test_a_teacher_is_named_or_deleted_never_both(stores: Stores) -> None:
    """A job that was accepted in the same moment would wait for a file that has gone."""
    for _ in range(8):
        teacher, draft = stores.add_teacher(), stores.draft()
        named = partial(stores.jobs.add, draft.evolve(teacher_id=teacher.id))
        with ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(each) for each in (named, partial(stores.teachers.delete, teacher.id))]
        refused = [end.exception() for end in ends]
        assert [error is None for error in refused].count(True) == 1, refused
        assert type(refused[0]) in (type(None), NotFound)
        assert type(refused[1]) in (type(None), Conflict)


def test_who_probes_a_teacher_that_was_deleted_has_lost_it(stores: Stores) -> None:
    """The worker stops and writes nothing; it is no failure of its own."""
    stores.add_teacher()
    held = claim(stores)
    stores.teachers.delete(held.id)
    with pytest.raises(FenceLost, match="was deleted"):
        move(stores, held, partial(teachers.conclude, probe=PROBE))
    with pytest.raises(NotFound):
        stores.teachers.change(held.id, partial(teachers.receive, info=TEACHER_FILE), fence=None)


class Recorder:
    """Hints that were given."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def hint(self, kind: str) -> None:
        self.kinds.append(kind)
