"""A job for people: lines in a pipe, a picture on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import count

from rich.console import Console

from bpkd_core.events import Event
from service.cli.watch import watch

EVENTS = [
    Event("stage", {"stage": "training_student", "state": "started"}),
    *(
        Event(
            "metrics",
            {
                "stage": "training_student",
                "step": step,
                "total_steps": 30,
                "images_per_s": 8.0,
                "values": {"loss": 30 / step, **({"val_miou": step / 100} if step % 10 == 0 else {})},
                "percent": step,
                "eta_seconds": 65,
            },
        )
        for step in range(1, 31)
    ),
    Event("warning", {"code": "slow_disk", "message": "The disk is slow"}),
    Event("stage", {"stage": "training_student", "state": "finished", "duration_s": 30.0}),
]


def draw(*, terminal: bool) -> str:
    """What is written when an event comes each second."""
    file, seconds = io.StringIO(), count()
    screen = Console(file=file, force_terminal=terminal, width=100, markup=False, color_system=None)
    now = 0.0

    def clock() -> float:
        return now

    def a_second_apart() -> object:
        nonlocal now
        for event in EVENTS:
            now = float(next(seconds))
            yield replace(event)

    watch(a_second_apart(), screen, "Job job_1", clock=clock)  # type: ignore[arg-type]
    return file.getvalue()


def test_a_pipe_gets_a_line_each_ten_seconds() -> None:
    # a log with a line a step would hide what matters
    assert draw(terminal=False).splitlines() == [
        "training_student started",
        "training_student: step 1 of 30, 8.0 images/s, 1 % of all, about 1:05 left",
        "training_student: step 11 of 30, 8.0 images/s, mIoU 10.0 %, 11 % of all, about 1:05 left",
        "training_student: step 21 of 30, 8.0 images/s, mIoU 20.0 %, 21 % of all, about 1:05 left",
        "Warning: The disk is slow",
        "training_student finished",
    ]


def test_a_terminal_gets_a_picture_of_the_whole_job() -> None:
    # what is done, what runs, and what is still to come
    drawn = draw(terminal=True)
    last = drawn[drawn.rindex("Job job_1") :]
    assert "✓ training student  0:32  step 30 of 30, 8.0 images/s" in last
    assert "· exporting" in last
    assert "30 % about 1:05 left" in last
    assert "loss  █" in last
    assert "mIoU  ▁" in last
    assert "30.0 %, best 30.0 %" in last
    assert "Warning: The disk is slow" in drawn
