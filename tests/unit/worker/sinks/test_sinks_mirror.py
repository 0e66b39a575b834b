"""A tracker is a guest: whatever it does, the job goes on and its owner is told once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from fakes.waiting import wait_for

from bpkd_core.events import Event
from service.domain.jobs import Job
from worker.sinks.base import End, Point, Run
from worker.sinks.mirror import MAX_BATCH, Mirror, Mirrors, end_of, run_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run("job_1", "streets", {})
REQUEST = {"train": {"steps": 600}, "name": "streets", "control": None, "metadata": {"ticket": "a//b"}}
JOB = Job("job_1", "streets", REQUEST, "ds_1", NOW)


def metrics(step: int = 10, **values: object) -> Event:
    return Event("metrics", {"stage": "training_student", "step": step, "total_steps": 600, "values": values})


class Tracker:
    """Keeps what it gets; raises or waits where it was told to."""

    def __init__(self, failure: Exception | None = None, gate: threading.Event | None = None) -> None:
        self.points: list[Point] = []
        self.ends: list[End | None] = []
        self.batches: list[int] = []
        self._failure, self._gate = failure, gate

    def open(self, run: Run) -> Tracker:
        if self._gate is not None:
            assert self._gate.wait(60)
        return self

    def log(self, points: Sequence[Point]) -> None:
        if self._failure is not None:
            raise self._failure
        self.points += points
        self.batches.append(len(points))

    def close(self, end: End | None) -> None:
        self.ends.append(end)


def test_metrics_arrive_with_their_stage_and_step() -> None:
    # curves of teacher and student must not be drawn as one
    tracker = Tracker()
    with Mirror("T", tracker.open, RUN, clock=lambda: 7.0) as mirror:
        mirror.hear(metrics(loss=0.5, val_miou=None, flag=True))
        mirror.hear(Event("metrics", {**metrics(20, loss=0.25).data, "images_per_s": 12}))
        mirror.hear(Event("log", {"message": "hello"}))
        mirror.end(End("succeeded", {}, {}))
    names = [(point.name, point.value, point.step, point.at) for point in tracker.points]
    student = "training_student"
    assert names == [
        (f"{student}/loss", 0.5, 10, 7.0),
        (f"{student}/loss", 0.25, 20, 7.0),
        (f"{student}/images_per_s", 12.0, 20, 7.0),
    ]
    assert tracker.ends == [End("succeeded", {}, {})]


def test_a_job_that_is_not_over_leaves_its_run_open() -> None:
    # the next attempt goes on in it
    tracker = Tracker()
    with Mirror("T", tracker.open, RUN):
        pass
    assert tracker.ends == [None]


@pytest.mark.parametrize(
    "failure", [RuntimeError("no route to http://user:secret@host/"), ImportError(), OSError("full")]
)
def test_a_failing_tracker_costs_one_warning(failure: Exception) -> None:
    # and no password of its address travels with it
    tracker = Tracker(failure)
    with Mirror("MLflow", tracker.open, RUN) as mirror:
        mirror.hear(metrics(loss=0.5))
        warning = wait_for(lambda: mirror.hear(metrics(loss=0.5)), "the warning")
        assert (warning.type, warning.data["code"]) == ("warning", "sink_failed")
        assert "MLflow" in warning.data["message"]
        assert "secret" not in warning.data["message"]
        assert mirror.hear(metrics(loss=0.5)) is None
    assert tracker.ends == []


def test_a_tracker_that_hangs_holds_up_nothing() -> None:
    # a heartbeat that waited for it would lose the job
    gate = threading.Event()
    tracker = Tracker(gate=gate)
    with Mirror("T", tracker.open, RUN, close_s=0, max_waiting=5) as mirror:
        for step in range(100):
            mirror.hear(metrics(step, loss=0.5))
    gate.set()
    wait_for(lambda: tracker.ends, "the thread's end")
    assert [point.step for point in tracker.points] == [0, 1, 2, 3, 4]


def test_many_points_travel_together() -> None:
    # one request for each number would take longer than the training
    gate = threading.Event()
    tracker = Tracker(gate=gate)
    with Mirror("T", tracker.open, RUN) as mirror:
        for step in range(MAX_BATCH + 1):
            mirror.hear(metrics(step, loss=0.5))
        gate.set()
    assert tracker.batches == [MAX_BATCH, 1]


def test_one_tracker_that_fails_leaves_the_other_alone() -> None:
    # they are two threads
    good, bad = Tracker(), Tracker(RuntimeError("no"))
    with Mirror("good", good.open, RUN) as first, Mirror("bad", bad.open, RUN) as second:
        mirrors = Mirrors([first, second])
        mirrors.hear(metrics(loss=0.5))
        (warning,) = wait_for(lambda: mirrors.hear(metrics(loss=0.5)), "the warning")
        assert "bad" in warning.data["message"]
        mirrors.end(JOB.evolve(status="failed"))
    assert len(good.points) >= 2
    assert good.ends[0].outcome == "failed"


def test_a_request_is_flat_and_without_what_people_noted() -> None:
    # trackers compare runs by single parameters; metadata may hold anything
    assert run_of(JOB) == Run("job_1", "streets", {"train.steps": "600", "name": "streets"})


def test_an_end_names_files_model_and_scores() -> None:
    # what somebody asks first who looks at a list of runs
    done = JOB.evolve(status="succeeded", model="street", version=3, result={"student": {"miou": 0.7, "arch": "x"}})
    assert end_of(done) == End("succeeded", {"files": "", "model": "street@3"}, {"result/student.miou": 0.7})
    assert end_of(JOB) is None
