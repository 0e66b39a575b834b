"""The stages of a run: each done once, its outcome kept, its place in the whole run reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bpkd_core.bundle import Value, write_atomically
from bpkd_core.errors import Stopped
from bpkd_core.events import Emit, Event, Stage

Outcome = TypeVar("Outcome", bound=Value)


class Stages:
    """Runs stages in order and remembers what is done under `folder`, one JSON file a stage."""

    def __init__(self, folder: Path, emit: Emit, stop: Callable[[], bool]) -> None:
        self._folder = folder
        self._emit = emit
        self._stop = stop
        self._seconds: dict[Stage, float] = {}
        self._done: set[Stage] = set()

    def expect(self, seconds: Mapping[Stage, float]) -> None:
        """Say how long each stage to come will take, so that `metrics` events can tell percent and time left."""
        self._seconds = dict(seconds)

    def once(self, stage: Stage, kind: type[Outcome], work: Callable[[], Outcome]) -> Outcome:
        """Do the work of a stage, or return what it came to in an earlier attempt.

        Raises Stopped before a stage when a stop was asked for.
        """
        path = self._folder / f"{stage}.json"
        kept = _read(path, kind)
        if kept is not None:
            self._done.add(stage)
            self._emit(Event("stage", {"stage": stage, "state": "finished", "duration_s": 0.0}))
            return kept
        if self._stop():
            raise Stopped(f"Stopped before {stage}; every earlier stage is kept.")
        self._emit(Event("stage", {"stage": stage, "state": "started"}))
        start = time.monotonic()
        outcome = work()
        self._done.add(stage)
        duration_s = round(time.monotonic() - start, 3)
        write_atomically(path, outcome.model_dump_json(indent=1).encode())
        self._emit(Event("stage", {"stage": stage, "state": "finished", "duration_s": duration_s}))
        return outcome

    def skip(self, stage: Stage) -> None:
        """Say that this run has no use for a stage."""
        self._emit(Event("stage", {"stage": stage, "state": "skipped", "duration_s": 0.0}))

    def emit(self, event: Event) -> None:
        """Pass an event on; a `metrics` event gains `percent` and `eta_seconds` of the whole run."""
        stage: Any = event.data.get("stage")
        if event.type == "metrics" and stage in self._seconds:
            event = Event("metrics", {**event.data, **self._whole_run(stage, event.data)})
        self._emit(event)

    def _whole_run(self, stage: Stage, data: Mapping[str, Any]) -> dict[str, float]:
        total = sum(self._seconds.values()) or 1.0
        behind = sum(seconds for name, seconds in self._seconds.items() if name in self._done)
        ahead = total - behind - self._seconds[stage]
        fraction = data["step"] / max(1, data["total_steps"])
        within = data.get("stage_eta_seconds", self._seconds[stage] * (1 - fraction))
        return {
            "percent": round(100 * (behind + fraction * self._seconds[stage]) / total, 1),
            "eta_seconds": round(within + ahead, 1),
        }


def _read(path: Path, kind: type[Outcome]) -> Outcome | None:
    """None where there is nothing, or nothing that this version understands: the stage is done again."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
