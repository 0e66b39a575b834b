"""A running job for people: a picture that moves on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bpkd_core.errors import BpkdError
from service.cli.output import minutes, percent
from service.cli.progress import JobProgress, StageProgress
from service.cli.sparkline import sparkline
from service.schemas import Job

SAY_EVERY_S = 10.0
MARKS = {"waiting": "·", "running": "●", "finished": "✓", "skipped": "-"}
WIDTH = 40  # of the bar and of the curves
STYLES = {"waiting": "dim", "running": "bold", "finished": "green", "skipped": "dim"}


class Happening(Protocol):
    """An event, of a trainer's output or of the API."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def data(self) -> Mapping[str, Any]: ...  # noqa: D102


def watch(
    events: Iterable[Happening], screen: Console, title: str, *, clock: Callable[[], float] = time.time
) -> JobProgress:
    """Draw the events as they come, and return what they amounted to. clock: for events that carry no time."""
    progress = JobProgress()
    if screen.is_terminal:
        drawing = Drawing(title, progress, clock)
        with Live(drawing, console=screen, refresh_per_second=4) as live:
            for event in events:
                progress.hear(event.type, event.data, time_of(event, clock))
                if note := remark(event):
                    live.console.print(Text(note, style="yellow"))
    else:
        lines = Lines(progress, clock)
        for event in events:
            progress.hear(event.type, event.data, time_of(event, clock))
            for line in lines.after(event):
                screen.print(line)
    return progress


def time_of(event: Happening, clock: Callable[[], float]) -> float:
    """When it happened: the API's events know, a trainer's are heard at once."""
    at = getattr(event, "at", None)
    return at.timestamp() if at is not None else clock()


def remark(event: Happening) -> str | None:
    """What a person must not miss: warnings and messages."""
    match event.type:
        case "warning":
            return f"Warning: {event.data.get('message')}"
        case "log":
            return str(event.data.get("message"))
        case _:
            return None


def require_success(job: Job) -> Job:
    """The job itself; raises its error if it failed, and BpkdError if it was cancelled."""
    if job.error is not None:
        raise BpkdError.from_dict(job.error.model_dump())
    if job.status != "succeeded":
        raise BpkdError(f"Job {job.id} was {job.status}; submit it again for another one")
    return job


class Drawing:
    """Every stage on a line, the curves of the one that trains, the whole job as a bar.

    Rich calls it four times a second, so the clocks run.
    """

    def __init__(self, title: str, progress: JobProgress, clock: Callable[[], float]) -> None:
        self._title, self._progress, self._clock = title, progress, clock

    def __rich__(self) -> RenderableType:
        now = self._clock()
        stages = Table.grid(padding=(0, 2))
        stages.add_column(no_wrap=True)
        stages.add_column(justify="right", no_wrap=True)
        stages.add_column(overflow="ellipsis", no_wrap=True)
        for stage in self._progress.stages.values():
            if stage.state != "skipped":
                style = STYLES[stage.state]
                stages.add_row(Text(f"{MARKS[stage.state]} {stage.title}", style), _time(stage, now), stage.describe())
        return Group(self._head(), stages, *self._curves(), self._whole())

    def _head(self) -> Text:
        attempt = f", attempt {self._progress.attempt}" if self._progress.attempt > 1 else ""
        return Text.assemble((self._title, "bold"), (f"  {self._progress.status}{attempt}", "dim"))

    def _curves(self) -> list[RenderableType]:
        """Loss and mIoU of the training that runs, or ran last."""
        trained = [stage for stage in self._progress.stages.values() if stage.losses]
        if not trained:
            return []
        stage = trained[-1]
        curves = Table.grid(padding=(0, 2))
        curves.add_row(Text("  loss", "dim"), Text(sparkline(stage.losses, WIDTH), "cyan"), f"{stage.losses[-1]:.3g}")
        if stage.mious:
            best = f"{percent(stage.mious[-1])}, best {percent(max(stage.mious))}"
            curves.add_row(Text("  mIoU", "dim"), Text(sparkline(stage.mious, WIDTH), "green"), best)
        return [curves]

    def _whole(self) -> RenderableType:
        progress = self._progress
        if progress.percent is None:
            return Text(progress.status, style="dim")
        row = Table.grid(padding=(0, 1))
        left = "" if progress.eta_seconds is None else f"about {minutes(progress.eta_seconds)} left"
        row.add_row(ProgressBar(100, progress.percent, width=WIDTH), f"{progress.percent:.0f} %", left)
        return row


def _time(stage: StageProgress, now: float) -> str:
    if stage.state == "running" and stage.since is not None:
        return minutes(now - stage.since)
    return "" if stage.seconds is None else minutes(stage.seconds)


class Lines:
    """Stages as they begin and end, and in between at most a line each ten seconds."""

    def __init__(self, progress: JobProgress, clock: Callable[[], float]) -> None:
        self._progress, self._clock = progress, clock
        self._said_at = float("-inf")

    def after(self, event: Happening) -> list[str]:
        """What to say now that the progress has heard of this event."""
        match event.type:
            case "stage" if event.data.get("state") in ("started", "finished"):
                return [f"{event.data['stage']} {event.data['state']}"]
            case "metrics" if self._clock() - self._said_at >= SAY_EVERY_S:
                self._said_at = self._clock()
                return [self._counts(self._progress.stages[str(event.data["stage"])])]
            case "status":
                return [f"job {self._progress.status} (attempt {self._progress.attempt})"]
            case _:
                note = remark(event)
                return [note] if note else []

    def _counts(self, stage: StageProgress) -> str:
        progress = self._progress
        whole = [] if progress.percent is None else [f"{progress.percent:.0f} % of all"]
        if progress.eta_seconds is not None:
            whole.append(f"about {minutes(progress.eta_seconds)} left")
        return f"{stage.name}: " + ", ".join([stage.describe(), *whole])
