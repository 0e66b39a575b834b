"""The port Datasets, on every store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from stores import LEASE_S, NOW, Stores, release

from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.errors import InvalidDataset
from service.domain import work
from service.domain.datasets import Dataset, Findings, Overlay, accept
from service.domain.errors import Conflict, FenceLost, IdempotencyMismatch, NotFound
from service.domain.idempotency import Once
from service.domain.lifecycle import cancel
from service.domain.ports import Page

FINDINGS = Findings(
    ready=True,
    report={"ok": True, "findings": []},
    sha256="d" * 64,
    classes=(ClassInfo(id=0, name="road", color=(1, 2, 3)),),
    splits={"train": 3, "val": 1},
)


def claim(stores: Stores, owner: str = "w1") -> Dataset:
    dataset = stores.datasets.claim(owner, lease_s=LEASE_S)
    assert dataset is not None
    return dataset


def test_a_dataset_comes_back_as_it_was_stored(stores: Stores) -> None:
    """Before and after its validation, every field survives."""
    dataset = stores.add_dataset(metadata={"city": "Cambridge"}, created_by="key_1", created_at=NOW)
    assert stores.datasets.get(dataset.id) == dataset
    ready = work.conclude_check(stores.datasets, claim(stores), FINDINGS)
    assert stores.datasets.get(dataset.id) == ready
    assert (ready.state, ready.classes, ready.splits) == ("ready", FINDINGS.classes, FINDINGS.splits)


def test_an_unknown_dataset_is_not_found(stores: Stores) -> None:
    """A wrong id is the caller's error."""
    with pytest.raises(NotFound):
        stores.datasets.get("ds_nope")


def test_each_dataset_is_validated_by_one_worker(stores: Stores) -> None:
    """Two checks of 50 GB would be one too many."""
    first, second = stores.add_dataset(), stores.add_dataset()
    assert [claim(stores, "w1").id, claim(stores, "w2").id] == [first.id, second.id]
    assert stores.datasets.claim("w3", lease_s=LEASE_S) is None


def test_a_validated_dataset_is_not_validated_again(stores: Stores) -> None:
    """Ready and refused are ends."""
    stores.add_dataset()
    work.conclude_check(stores.datasets, claim(stores), Findings(ready=False, report={"ok": False}))
    stores.add_dataset()
    work.refuse_check(stores.datasets, claim(stores), InvalidDataset("no classes.json"))
    assert stores.datasets.claim("w", lease_s=LEASE_S) is None
    states = [(dataset.state, (dataset.error or {}).get("code")) for dataset in stores.datasets.list(Page()).data]
    assert states == [("refused", "invalid_dataset"), ("refused", None)]


def test_a_heartbeat_keeps_the_check_and_silence_loses_it(stores: Stores) -> None:
    """As with jobs: the store's clock decides."""
    dataset = stores.add_dataset()
    held = claim(stores)
    stores.elapse(LEASE_S - 1)
    work.beat_check(stores.datasets, held, lease_s=LEASE_S)
    stores.elapse(LEASE_S - 1)
    assert stores.datasets.reap() == []
    stores.elapse(2)
    assert [(back.id, back.attempt, back.waits) for back in stores.datasets.reap()] == [(dataset.id, 2, True)]
    for write in (
        partial(work.beat_check, stores.datasets, held),
        partial(work.conclude_check, stores.datasets, held, FINDINGS),
        partial(work.give_back_check, stores.datasets, held),
    ):
        with pytest.raises(FenceLost):
            write()
    assert claim(stores).lease.fence == 2


def test_a_check_that_dies_three_times_refuses_the_dataset(stores: Stores) -> None:
    """A file that crashes the decoder must not crash workers forever."""
    dataset = stores.add_dataset()
    for _ in range(3):
        work.recover_check(stores.datasets, claim(stores), "killed by signal 11")
    ended = stores.datasets.get(dataset.id)
    assert ended.state == "refused"
    assert ended.error is not None
    assert ended.error["code"] == "poison"


def test_giving_a_check_back_counts_no_attempt(stores: Stores) -> None:
    """A shutdown is nobody's fault."""
    stores.add_dataset()
    for _ in range(4):
        back = work.give_back_check(stores.datasets, claim(stores))
    assert (back.attempt, back.waits) == (1, True)


def test_a_dataset_that_waits_for_its_content_is_not_validated(stores: Stores) -> None:
    """Half an archive says nothing; the last byte of it lets a worker in."""
    dataset = stores.add_dataset(state="uploading", uploaded=True)
    assert stores.datasets.claim("w1", lease_s=LEASE_S) is None
    stores.datasets.change(dataset.id, accept, fence=None)
    assert claim(stores).id == dataset.id
    with pytest.raises(Conflict, match="takes no content"):
        stores.datasets.change(dataset.id, accept, fence=None)


def test_samples_come_back_as_they_were_stored(stores: Stores) -> None:
    """They are found by the hashes that stand here."""
    dataset = stores.add_dataset()
    samples = (Overlay("a", "train", FileInfo(sha256="a" * 64, size=9)),)
    work.conclude_check(stores.datasets, claim(stores), replace(FINDINGS, samples=samples))
    assert stores.datasets.get(dataset.id).samples == samples


def test_a_deleted_dataset_is_gone_for_everybody(stores: Stores) -> None:
    """No list shows it, no worker validates it, no job can be made of it."""
    dataset = stores.add_dataset()
    draft = stores.draft(dataset_id=dataset.id)
    stores.datasets.delete(dataset.id)
    assert stores.datasets.list(Page()).data == ()
    assert stores.datasets.claim("w1", lease_s=LEASE_S) is None
    for gone in (
        partial(stores.datasets.get, dataset.id),
        partial(stores.datasets.delete, dataset.id),
        partial(stores.jobs.add, draft),
    ):
        with pytest.raises(NotFound):
            gone()


def test_deleting_a_dataset_takes_it_from_its_validator(stores: Stores) -> None:
    """The worker finds out with its next heartbeat and writes nothing."""
    stores.add_dataset()
    held = claim(stores)
    stores.datasets.delete(held.id)
    with pytest.raises(FenceLost, match="was deleted"):
        work.conclude_check(stores.datasets, held, FINDINGS)
    assert stores.datasets.reap() == []


def test_a_dataset_in_use_is_not_deleted(stores: Stores) -> None:
    """A job that trains needs its files; a version must be able to say what it learned from."""
    dataset = stores.add_dataset()
    job = stores.add_job(dataset_id=dataset.id)
    with pytest.raises(Conflict, match=job.id):
        stores.datasets.delete(dataset.id)
    work.succeed(stores.jobs, stores.claim(), result={}, files={}, release=release(job, model="street"))
    with pytest.raises(Conflict, match="street@1"):
        stores.datasets.delete(dataset.id)


def test_a_dataset_is_not_deleted_under_a_probe(stores: Stores) -> None:
    """A teacher is tried on its images; once that is through it needs them no more."""
    teacher = stores.add_teacher()
    with pytest.raises(Conflict, match=teacher.id):
        stores.datasets.delete(teacher.dataset_id)
    stores.teachers.change(teacher.id, lambda found, _: found.evolve(state="refused"), fence=None)
    stores.datasets.delete(teacher.dataset_id)
    with pytest.raises(NotFound):
        stores.add_teacher(dataset_id=teacher.dataset_id)


def test_a_job_that_ended_without_a_version_lets_its_dataset_go(stores: Stores) -> None:
    """Its record stays, and still says which dataset it was."""
    dataset = stores.add_dataset()
    job = stores.add_job(dataset_id=dataset.id)
    stores.jobs.change(job.id, cancel, fence=None)
    stores.datasets.delete(dataset.id)
    assert stores.jobs.get(job.id).dataset_id == dataset.id


def test_an_idempotency_key_makes_one_dataset(stores: Stores) -> None:
    """A repeated registration gives the dataset that is there."""
    once = Once("s", "k", "b" * 64)
    first = stores.datasets.add(Dataset("ds_1", "x", "/x", NOW), once=once)
    assert stores.datasets.add(Dataset("ds_2", "x", "/x", NOW), once=once) == first
    with pytest.raises(IdempotencyMismatch):
        stores.datasets.add(Dataset("ds_3", "y", "/y", NOW), once=Once("s", "k", "c" * 64))
    assert stores.datasets.list(Page()).data == (first,)


def test_lists_are_filtered_by_state(stores: Stores) -> None:
    """What waits, and what is ready, can be asked for."""
    ready = stores.add_dataset()
    work.conclude_check(stores.datasets, claim(stores), FINDINGS)
    waiting = stores.add_dataset()
    assert [dataset.id for dataset in stores.datasets.list(Page(), state="ready").data] == [ready.id]
    assert [dataset.id for dataset in stores.datasets.list(Page(), state="validating").data] == [waiting.id]
    listing = stores.datasets.list(Page(limit=1))
    assert ([dataset.id for dataset in listing.data], listing.has_more) == ([waiting.id], True)
