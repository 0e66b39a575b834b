"""Curves for TensorBoard: a folder of event files for each job, written without TensorFlow and without torch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpkd_core.errors import MissingExtra
from worker.sinks.base import End, OpenSink, Point, Run, Sink


class EventFile:
    """One attempt's file in the job's folder; TensorBoard draws all files of a folder as one run."""

    def __init__(self, folder: Path, run: Run) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(folder))
        self._text("params", _table({"job": run.job_id, "name": run.name, **run.params}))

    def log(self, points: Sequence[Point]) -> None:
        """Add scalars, and have them on the disk."""
        for point in points:
            self._scalar(point)
        self._writer.flush()

    def close(self, end: End | None) -> None:
        """Write how the job ended, and close the file."""
        if end is not None:
            self._text("end", _table({"outcome": end.outcome, **end.facts}))
            for name, score in end.scores.items():
                self._scalar(Point(name, score, 0, time.time()))
        self._writer.close()

    def _scalar(self, point: Point) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]  # made at import

        self._add(point.at, point.step, Summary(value=[Summary.Value(tag=point.name, simple_value=point.value)]))

    def _text(self, tag: str, text: str) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._add(time.time(), 0, text_pb(tag, text))

    def _add(self, at: float, step: int, summary: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]  # made at import

        self._writer.add_event(Event(wall_time=at, step=step, summary=summary))


def tensorboard_sink(root: Path) -> OpenSink:
    """What opens a job's folder. It raises MissingExtra, and OSError for a folder that cannot be written."""

    def open_file(run: Run) -> Sink:
        try:
            return EventFile(root / run.job_id, run)
        except ImportError as error:
            raise MissingExtra("TensorBoard is not installed", hint="pip install 'bpkd[tensorboard]'") from error

    return open_file


def _table(facts: dict[str, str]) -> str:
    """Markdown, which the text plugin draws."""
    rows = (f"| {name} | {' '.join(value.replace('|', '/').split())} |" for name, value in facts.items())
    return "\n".join(["| | |", "| --- | --- |", *rows])
