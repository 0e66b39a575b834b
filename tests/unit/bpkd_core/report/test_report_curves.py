"""What a training says is kept as it comes, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

from bpkd_core.events import Event
from bpkd_core.report import Curve, read_curves, recording
from bpkd_core.report.curves import MAX_POINTS


def metrics(step: int, stage: str = "training_student", **values: float) -> Event:
    return Event("metrics", {"stage": stage, "step": step, "total_steps": 9, "values": values, "images_per_s": 1.0})


def test_events_are_passed_on_and_kept(tmp_path: Path) -> None:
    """Whoever listened before still hears everything; the curves hold trainings only."""
    heard: list[Event] = []
    emit = recording(heard.append, tmp_path / "run" / "metrics.log")
    said = [
        Event("log", {"message": "hello"}),
        metrics(1, "training_teacher", loss=3.0),
        metrics(1, "evaluating"),
        metrics(2, loss=2.0, val_miou=0.5),
    ]
    for event in said:
        emit(event)
    assert heard == said
    assert read_curves(tmp_path / "run" / "metrics.log") == [
        Curve("teacher", "loss", [1], [3.0]),
        Curve("student", "loss", [2], [2.0]),
        Curve("student", "val_miou", [2], [0.5]),
    ]


def test_a_run_that_went_on_from_a_checkpoint_counts_its_later_words(tmp_path: Path) -> None:
    """Steps after the checkpoint are said twice, and not at the same moments."""
    emit = recording(lambda _: None, tmp_path / "metrics.log")
    for step, loss in ((1, 5.0), (3, 9.0), (2, 3.0), (3, 2.0)):
        emit(metrics(step, loss=loss))
    assert read_curves(tmp_path / "metrics.log") == [Curve("student", "loss", [1, 2, 3], [5.0, 3.0, 2.0])]


def test_a_line_that_a_kill_cut_short_is_skipped_and_spoils_no_other(tmp_path: Path) -> None:
    """SIGKILL in the middle of a write, then a second attempt."""
    path = tmp_path / "metrics.log"
    recording(lambda _: None, path)(metrics(1, loss=5.0))
    with path.open("a") as file:
        file.write('\n{"type": "metrics", "stage": "train')
    recording(lambda _: None, path)(metrics(2, loss=4.0))
    assert read_curves(path) == [Curve("student", "loss", [1, 2], [5.0, 4.0])]


def test_a_loss_that_was_not_finite_is_a_gap(tmp_path: Path) -> None:
    """A skipped step is no zero."""
    emit = recording(lambda _: None, tmp_path / "metrics.log")
    emit(metrics(1, loss=float("nan")))
    emit(metrics(2, loss=1.0))
    assert read_curves(tmp_path / "metrics.log") == [Curve("student", "loss", [2], [1.0])]


def test_a_long_training_is_thinned_and_keeps_its_end(tmp_path: Path) -> None:
    """80,000 steps must not make a page of megabytes; the last value is the one that is looked for."""
    emit = recording(lambda _: None, tmp_path / "metrics.log")
    for step in range(1, 3 * MAX_POINTS + 2):
        emit(metrics(step, loss=float(step)))
    (curve,) = read_curves(tmp_path / "metrics.log")
    assert MAX_POINTS / 2 < len(curve.steps) <= MAX_POINTS
    assert curve.steps[-1] == curve.values[-1] == 3 * MAX_POINTS + 1


def test_without_a_file_there_are_no_curves(tmp_path: Path) -> None:
    """A bundle that was downloaded has none."""
    assert read_curves(tmp_path / "metrics.log") == []
