"""Each stage once, its outcome kept, and its share of the whole run told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpkd_core.bundle import Value
from bpkd_core.errors import Stopped
from bpkd_core.events import Event
from bpkd_core.stages import Stages


class Outcome(Value):
    number: int


class Work:
    """Counts how often it is done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Outcome:
        self.times += 1
        return Outcome(number=self.times)


def said_of(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.data["stage"], event.data["state"]) for event in events]


def test_a_stage_is_done_once_for_all_attempts(tmp_path: Path) -> None:
    """After a crash in the last minute, the hours before it are not repeated."""
    work, events = Work(), list[Event]()
    first = Stages(tmp_path, events.append, lambda: False).once("exporting", Outcome, work)
    again = Stages(tmp_path, events.append, lambda: False).once("exporting", Outcome, work)
    assert (first, again, work.times) == (Outcome(number=1), Outcome(number=1), 1)
    assert said_of(events) == [("exporting", "started"), ("exporting", "finished"), ("exporting", "finished")]


def test_a_stage_that_fails_keeps_nothing(tmp_path: Path) -> None:
    """Half an outcome must not be taken for one."""

    def fail() -> Outcome:
        raise RuntimeError("the disk is gone")

    stages = Stages(tmp_path, lambda _: None, lambda: False)
    with pytest.raises(RuntimeError):
        stages.once("exporting", Outcome, fail)
    assert stages.once("exporting", Outcome, Work()) == Outcome(number=1)


@pytest.mark.parametrize("content", [b"", b"{", b'{"number": 1, "of_tomorrow": 2}'])
def test_an_outcome_that_cannot_be_read_is_made_again(tmp_path: Path, content: bytes) -> None:
    """A damaged disk or another version of this library costs one stage, not the run."""
    (tmp_path / "exporting.json").write_bytes(content)
    work = Work()
    assert Stages(tmp_path, lambda _: None, lambda: False).once("exporting", Outcome, work).number == 1
    assert work.times == 1
    assert (tmp_path / "exporting.json").read_bytes() != content


def test_a_wish_to_stop_is_heard_before_a_stage_and_not_for_a_finished_one(tmp_path: Path) -> None:
    """Stopping between stages loses nothing; what is already done is given back even then."""
    work, events = Work(), list[Event]()
    Stages(tmp_path, lambda _: None, lambda: False).once("exporting", Outcome, work)
    stopping = Stages(tmp_path, events.append, lambda: True)
    assert stopping.once("exporting", Outcome, work) == Outcome(number=1)
    with pytest.raises(Stopped, match="Stopped before verifying"):
        stopping.once("verifying", Outcome, work)
    assert work.times == 1
    assert said_of(events) == [("exporting", "finished")]


def metrics(stage: str, step: int, total: int, **more: float) -> Event:
    return Event("metrics", {"stage": stage, "step": step, "total_steps": total, "values": {}, **more})


def test_progress_is_told_in_parts_of_the_whole_run(tmp_path: Path) -> None:
    """The bar that a person watches must not start anew with every stage."""
    events: list[Event] = []
    stages = Stages(tmp_path, events.append, lambda: False)
    stages.expect({"training_student": 60.0, "exporting": 30.0, "evaluating": 10.0})
    stages.once("training_student", Outcome, Work())
    stages.emit(metrics("exporting", 1, 3))
    stages.emit(metrics("exporting", 1, 3, stage_eta_seconds=5.0))
    planned, measured = (event.data for event in events[-2:])
    assert planned["percent"] == measured["percent"] == 70.0
    assert planned["eta_seconds"] == 20.0 + 10.0  # two thirds of this stage, and the next
    assert measured["eta_seconds"] == 5.0 + 10.0


def test_what_an_earlier_attempt_did_counts_as_done(tmp_path: Path) -> None:
    """A run that comes back after a crash does not start at zero percent."""
    events: list[Event] = []
    Stages(tmp_path, lambda _: None, lambda: False).once("training_student", Outcome, Work())
    stages = Stages(tmp_path, events.append, lambda: False)
    stages.expect({"training_student": 60.0, "exporting": 40.0})
    stages.once("training_student", Outcome, Work())
    stages.emit(metrics("exporting", 0, 3))
    assert events[-1].data["percent"] == 60.0


def test_nothing_is_added_to_what_has_no_expected_duration(tmp_path: Path) -> None:
    """Before the pace is measured nobody knows how long anything takes; other events pass as they are."""
    events: list[Event] = []
    stages = Stages(tmp_path, events.append, lambda: False)
    stages.expect({"exporting": 30.0})
    told = [metrics("preparing_data", 1, 2), Event("log", {"message": "hello"})]
    for event in told:
        stages.emit(event)
    assert events == told


def test_a_skipped_stage_is_said_to_be_skipped(tmp_path: Path) -> None:
    """A list of stages without it would look as if it were still to come."""
    events: list[Event] = []
    Stages(tmp_path, events.append, lambda: False).skip("probing_teacher")
    assert said_of(events) == [("probing_teacher", "skipped")]
