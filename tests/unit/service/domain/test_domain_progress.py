from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import Note, NoteType
from service.domain.jobs import Job, Mark
from service.domain.progress import MAX_WARNINGS_PER_STAGE, fold

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOB = Job("job_1", "streets", {}, "ds_1", NOW, status="running")


def after(*notes: tuple[NoteType, dict[str, Any]], job: Job = JOB) -> Job:
    for number, (kind, data) in enumerate(notes):
        job = fold(job, Note(kind, data), NOW + timedelta(seconds=number))
    return job


def metrics(stage: str, step: int, **values: float) -> tuple[NoteType, dict[str, Any]]:
    return "metrics", {"stage": stage, "step": step, "total_steps": 200, "values": values, "eta_seconds": 9}


STARTED: tuple[NoteType, dict[str, Any]] = ("stage", {"stage": "training_student", "state": "started"})


def test_a_stage_starts_moves_and_finishes() -> None:
    """The list of stages is the job's progress bar."""
    job = after(
        ("stage", {"stage": "probing_teacher", "state": "skipped"}), STARTED, metrics("training_student", 50, loss=1.0)
    )
    assert job.stage == "training_student"
    assert [(stage.name, stage.state, stage.progress) for stage in job.stages] == [
        ("probing_teacher", "skipped", 100.0),
        ("training_student", "running", 25.0),
    ]
    assert job.stages[1].started_at == NOW + timedelta(seconds=1)
    job = after(("stage", {"stage": "training_student", "state": "finished", "duration_s": 7}), job=job)
    assert (job.stages[1].state, job.stages[1].progress, job.stages[1].duration_s) == ("finished", 100.0, 7.0)


def test_a_later_attempt_leaves_the_duration_of_a_finished_stage_alone() -> None:
    """A resumed run repeats what is finished with 0 seconds; the hours that it took must stay in the record."""
    finished: tuple[NoteType, dict[str, Any]] = ("stage", {**STARTED[1], "state": "finished", "duration_s": 7})
    job = after(STARTED, finished, ("stage", {**finished[1], "duration_s": 0.0}))
    assert [(stage.state, stage.duration_s) for stage in job.stages] == [("finished", 7.0)]


def test_a_stage_that_starts_again_after_a_crash_replaces_itself() -> None:
    """A second attempt shows each stage once."""
    job = after(STARTED, metrics("training_student", 100, loss=1.0), STARTED)
    assert [(stage.state, stage.progress) for stage in job.stages] == [("running", 0.0)]


def test_progress_is_that_of_the_stage_that_reported_last() -> None:
    """Percent, step, rate and remaining time belong together."""
    job = after(metrics("training_student", 150, loss=0.5))
    assert job.progress is not None
    assert (job.progress.percent, job.progress.step, job.progress.total_steps) == (75.0, 150, 200)
    assert (job.progress.eta_seconds, job.progress.images_per_s) == (9.0, None)


def test_latest_gathers_and_best_keeps_the_highest_quality() -> None:
    """Loss comes at every step and mIoU seldom; neither hides the other, and a worse mIoU does not replace the best."""
    job = after(
        metrics("training_student", 10, loss=1.0, val_miou=0.4),
        metrics("training_student", 20, loss=0.8),
        metrics("training_student", 30, val_miou=0.6),
        metrics("training_student", 40, val_miou=0.5, loss=2.0),
    )
    assert job.latest == {"loss": 2.0, "val_miou": 0.5}
    assert job.best == {"val_miou": 0.6}


def test_the_teachers_metrics_never_pass_for_the_students() -> None:
    """The teacher is better by design: its mIoU as the job's best would be a lie."""
    job = after(metrics("training_teacher", 10, val_miou=0.9, lr=0.1), metrics("training_student", 10, val_miou=0.4))
    assert (job.best, job.latest) == ({"val_miou": 0.4}, {"val_miou": 0.4})


def test_only_a_checkpoint_further_on_is_progress() -> None:
    """A job that dies after the same checkpoint again and again is poison."""
    job = after(("checkpoint", {"stage": "training_student", "step": 100}), job=JOB.evolve(attempts_without_progress=2))
    assert (job.checkpoint, job.attempts_without_progress) == (Mark("training_student", 100), 0)
    tired = job.evolve(attempts_without_progress=2)
    for stage, step in (("training_student", 100), ("training_student", 50), ("training_teacher", 900)):
        assert after(("checkpoint", {"stage": stage, "step": step}), job=tired) == tired


def test_a_later_stage_is_progress_whatever_its_step() -> None:
    """Steps count from zero in every stage."""
    job = after(
        ("checkpoint", {"stage": "training_teacher", "step": 900}),
        ("checkpoint", {"stage": "training_student", "step": 1}),
    )
    assert job.checkpoint == Mark("training_student", 1)


def test_warnings_stay_with_their_stage_and_are_bounded() -> None:
    """A trainer that warns at every step must not grow the record without end."""
    job = after(STARTED, *[("warning", {"code": "slow", "message": f"{n}"}) for n in range(MAX_WARNINGS_PER_STAGE + 5)])
    assert len(job.stages[0].warnings) == MAX_WARNINGS_PER_STAGE
    assert job.stages[0].warnings[0] == {"code": "slow", "message": "0"}
    assert after(("warning", {"code": "early", "message": "before any stage"})) == JOB


def test_logs_and_previews_change_nothing_that_a_job_shows() -> None:
    """They are for the event list."""
    assert after(("log", {"message": "x"}), ("preview", {"sha256": "a" * 64})) == JOB


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["stage", "state", "step", "total_steps", "values", "eta_seconds", "duration_s", "code"])


@given(
    kind=st.sampled_from(["stage", "metrics", "checkpoint", "warning", "log"]),
    data=st.dictionaries(KEYS, JSON | st.sampled_from(["training_student", "started", "finished", {"val_miou": 0.5}])),
)
def test_no_event_breaks_the_fold_or_moves_the_job(kind: NoteType, data: dict[str, Any]) -> None:
    """A trainer of another version may say anything; its supervisor must live, and status is not the trainer's."""
    job = after(STARTED, (kind, data))
    assert (job.status, job.lease, job.request) == (JOB.status, JOB.lease, JOB.request)
