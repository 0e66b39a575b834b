"""Batches keep coming, in their order, whatever becomes of the processes that make them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from fakes.specks import DrawnSpecks, speck_train
from fakes.training import Training, distil, same_bits

from bpkd_core.data import Sample
from bpkd_core.errors import OutOfMemory
from bpkd_core.events import Event
from bpkd_core.spec import Train
from bpkd_core.train import feed as feeding
from bpkd_core.train.distributed import Group
from bpkd_core.train.feed import feed

HERE = multiprocessing.current_process().pid


def plan(**changes: object) -> Train:
    return Train.model_validate(speck_train(batch_size=3, **changes))


def silent(event: Event) -> None:
    raise AssertionError(f"nobody expected {event}")


def test_f23_a_killed_loader_process_costs_no_batch() -> None:
    """Linux kills the largest process when memory runs out, and that is often a loader."""
    data, told = DrawnSpecks(), list[Event]()
    batches = feed(plan(steps=9, loader_workers=2), data, 1, told.append)
    found = [next(batches)]
    for child in multiprocessing.active_children():
        child.kill()
    found += batches
    expected = [*feed(plan(steps=9), data, 1, silent)]
    assert len(found) == len(expected) == 8
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])
    assert [event.data["code"] for event in told] == ["loader_died"]


class Deadly(DrawnSpecks):
    """Kills whatever loader process reads it."""

    def __getitem__(self, index: int, /) -> Sample:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def test_f23_loader_processes_that_keep_dying_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of restarts would look like training; the sentence names what to lower."""
    monkeypatch.setattr(feeding, "MOST_DEATHS", 2)  # torch takes five seconds to notice each
    told: list[Event] = []
    with pytest.raises(OutOfMemory, match="died 2 times at step 0") as caught:
        next(feed(plan(loader_workers=1), Deadly(), 0, told.append))
    assert caught.value.param == "train.loader_workers"
    assert len(told) == 1


class Unreadable(DrawnSpecks):
    """A file that is gone, or a bug."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def __getitem__(self, index: int, /) -> Sample:
        raise self.error


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("error", [RuntimeError("a bug"), FileNotFoundError("a.png")])
def test_an_error_in_a_loader_process_is_no_death(error: Exception, workers: int) -> None:
    """Tried three times and reported as a shortage of memory, a missing file would be looked for in the wrong place."""
    with pytest.raises(type(error), match=str(error)):
        next(feed(plan(loader_workers=workers), Unreadable(error), 0, silent))


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_loader_processes_trains_the_same_bits(tmp_path: Path, workers: int) -> None:
    """A run may go on on a machine with other cores."""
    here, there = Training(tmp_path / "here"), Training(tmp_path / "there")
    here.start(distil("bpkd"), steps=3, eval_every=9)
    there.start(distil("bpkd"), steps=3, eval_every=9, loader_workers=workers)
    assert same_bits(here.weights, there.weights)


def test_processes_share_each_batch_between_them() -> None:
    """Every image once: what no process takes is not learnt, and what two take counts double."""
    data = DrawnSpecks()
    whole = [*feed(plan(steps=4), data, 1, silent)]
    shares = [[*feed(plan(steps=4), data, 1, silent, Group(rank, 2))] for rank in range(2)]
    for step, batch in enumerate(whole):
        parts = [share[step] for share in shares]
        assert [len(images) for images, *_ in parts] == [1, 2]
        for place in range(2):
            assert torch.equal(torch.cat([part[place] for part in parts]), batch[place])
