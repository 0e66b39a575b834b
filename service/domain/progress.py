"""The only place where a trainer's event changes what a job shows.

A trainer may be of another version, or broken: an event that lacks a field, or holds another type, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from service.domain.events import Note
from service.domain.jobs import Job, Mark, Progress, StageState

QUALITY = frozenset({"val_miou"})
"""The trainer's metrics of which the best is kept (:mod:`bpkd_core.train.loop`); more is better."""
MAX_WARNINGS_PER_STAGE = 20
_LARGE = 2**53
_LARGE_FLOAT = 1e300


def fold(job: Job, note: Note, now: datetime) -> Job:
    """The job after one event of its trainer."""
    match note.type:
        case "stage":
            return _stage(job, note.data, now)
        case "metrics":
            return _metrics(job, note.data)
        case "checkpoint":
            return _checkpoint(job, note.data)
        case "warning":
            return _warning(job, note.data)
        case _:
            return job


def _stage(job: Job, data: Mapping[str, Any], now: datetime) -> Job:
    match data:
        case {"stage": str(name), "state": "started"}:
            return _with_stage(job, StageState(name, "running", started_at=now)).evolve(stage=name)
        case {"stage": str(name), "state": "finished"}:
            before = _find(job, name) or StageState(name, "running")
            if before.state == "finished":  # a later attempt repeats it, and knows no longer how long it took
                return job
            after = replace(before, state="finished", progress=100.0, duration_s=_number(data.get("duration_s")))
            return _with_stage(job, after)
        case {"stage": str(name), "state": "skipped"}:
            return _with_stage(job, StageState(name, "skipped", progress=100.0))
        case _:
            return job


def _metrics(job: Job, data: Mapping[str, Any]) -> Job:
    match data:
        case {"stage": str(name), "step": int(step), "total_steps": int(total), "values": dict()} if (
            0 <= step < _LARGE and 0 < total < _LARGE
        ):
            values = cast("dict[str, Any]", data["values"])
        case _:
            return job
    numbers = {key: float(value) for key, value in values.items() if _number(value) is not None}
    same_stage = job.progress is not None and job.progress.stage == name
    best = dict(job.best) if same_stage else {}
    for key in QUALITY & numbers.keys():
        best[key] = max(numbers[key], best.get(key, numbers[key]))
    percent = round(100 * min(step / total, 1.0), 2)
    progress = Progress(name, percent, step, total, _number(data.get("eta_seconds")), _number(data.get("images_per_s")))
    if (stage := _find(job, name)) is not None:
        held = _number(data.get("memory_bytes")) or stage.memory_bytes
        pace = progress.images_per_s or stage.images_per_s
        job = _with_stage(job, replace(stage, progress=percent, images_per_s=pace, memory_bytes=held))
    return job.evolve(progress=progress, best=best, latest={**job.latest, **numbers} if same_stage else numbers)


def _checkpoint(job: Job, data: Mapping[str, Any]) -> Job:
    match data:
        case {"stage": str(stage), "step": int(step)} if 0 <= step < _LARGE:
            mark = Mark(stage, step)
            return job.evolve(checkpoint=mark, attempts_without_progress=0) if mark.beyond(job.checkpoint) else job
        case _:
            return job


def _warning(job: Job, data: Mapping[str, Any]) -> Job:
    stage = _find(job, job.stage)
    if stage is None or len(stage.warnings) >= MAX_WARNINGS_PER_STAGE:
        return job
    warning = {"code": str(data.get("code")), "message": str(data.get("message"))}
    return _with_stage(job, replace(stage, warnings=(*stage.warnings, warning)))


def _find(job: Job, name: str | None) -> StageState | None:
    return next((stage for stage in job.stages if stage.name == name), None)


def _with_stage(job: Job, stage: StageState) -> Job:
    if _find(job, stage.name) is None:
        return job.evolve(stages=(*job.stages, stage))
    return job.evolve(stages=tuple(stage if old.name == stage.name else old for old in job.stages))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _LARGE_FLOAT else None  # false for NaN, too
