"""What events amount to, whoever tells them and however often."""

from __future__ import annotations

from service.cli.progress import JobProgress


def heard(*events: tuple[str, dict[str, object]]) -> JobProgress:
    """One event a second."""
    progress = JobProgress()
    for second, (kind, data) in enumerate(events):
        progress.hear(kind, data, at=float(second))
    return progress


def metrics(step: int, **more: object) -> tuple[str, dict[str, object]]:
    return "metrics", {"stage": "training_student", "step": step, "total_steps": 600, "values": {}, **more}


STARTED = ("stage", {"stage": "training_student", "state": "started"})
FINISHED = ("stage", {"stage": "training_student", "state": "finished", "duration_s": 9.0})


def test_a_stage_is_told_in_one_line() -> None:
    # step, speed and the latest score are what a person watches
    progress = heard(STARTED, metrics(120, images_per_s=41.23, values={"val_miou": 0.471}, percent=62, eta_seconds=90))
    assert progress.stages["training_student"].describe() == "step 120 of 600, 41.2 images/s, mIoU 47.1 %"
    assert (progress.percent, progress.eta_seconds) == (62, 90)


def test_a_score_stays_until_the_next_one() -> None:
    # between two evaluations the last one is the best that is known
    progress = heard(STARTED, metrics(200, values={"val_miou": 0.5}), metrics(201, values={"loss": 1.0}))
    assert progress.stages["training_student"].miou == 0.5


def test_a_finished_stage_keeps_its_time_when_a_later_attempt_repeats_the_news() -> None:
    # a resumed trainer says of each earlier stage that it took no time
    again = ("stage", {"stage": "training_student", "state": "finished", "duration_s": 0.0})
    assert heard(STARTED, metrics(600), FINISHED, again).stages["training_student"].seconds == 2.0


def test_the_end_is_told_by_status_or_done() -> None:
    # whichever comes first must be believed
    assert heard(("status", {"status": "running", "attempt": 2})).attempt == 2
    assert heard(("done", {"status": "failed", "error": None})).status == "failed"


def test_a_skipped_stage_is_neither_running_nor_finished() -> None:
    # a given teacher needs no training, and nothing waits for it
    progress = heard(("stage", {"stage": "training_teacher", "state": "skipped", "duration_s": 0.0}))
    assert progress.stages["training_teacher"].state == "skipped"


def test_events_of_a_newer_trainer_do_no_harm() -> None:
    # an old command line may watch a new server
    progress = heard(("stage", {"stage": "polishing", "state": "started"}), ("preview", {"path": "x.png"}), ("new", {}))
    assert progress.stages["polishing"].state == "running"
