"""The trainings that a request asks for, and what others like them have reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bpkd_core.catalog import MODELS

CATALOGUE_PIXELS = 360 * 480
TRAINING_COST = 3.0  # forward, and twice as much backward


@dataclass(frozen=True)
class Range:
    """From `low` to `high`."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class Training:
    """One network's training, as far as its pace depends on it.

    same: what a job must share with this one for its pace to be this one's. gmacs: of one image of a step, in 10^9
    multiply-adds; None where the catalogue does not know a network.
    """

    role: str
    images: int
    same: tuple[object, ...]
    gmacs: float | None


@dataclass(frozen=True)
class Measurement:
    """What a training of another job reached. memory_bytes: the most that its process has held."""

    job_id: str
    at: datetime
    training: Training
    images_per_s: float
    memory_bytes: float | None


def trainings(request: Mapping[str, Any]) -> list[Training]:
    """The networks that a request trains, in their order. request: validated, as JSON."""
    teacher, student, own = request["teacher"], request["student"], request["train"]
    found: list[Training] = []
    if teacher["type"] == "train":
        found.append(_training("teacher", teacher["arch"], teacher.get("train") or own))
    if request["control"] != "none":
        control = {**own, "steps": control_steps(own["steps"], request["control"])}
        found.append(_training("control", student["arch"], control))
    asked = request["method"]["type"] != "none" or request["labels"] != "dataset"
    found.append(_training("student", student["arch"], own, teacher=teacher if asked else None, request=request))
    return found


def control_steps(steps: int, control: str) -> int:
    """How long a control is trained: as long as the student, or a tenth of it."""
    return steps if control == "full" else -(-steps // 10)


def _training(
    role: str,
    arch: str,
    plan: Mapping[str, Any],
    *,
    teacher: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
) -> Training:
    forward = forward_gmacs(arch, plan)
    gmacs = None if forward is None else TRAINING_COST * forward
    if teacher is not None:
        asked = forward_gmacs(teacher.get("arch", ""), plan)
        gmacs = gmacs + asked if gmacs is not None and asked is not None else None
    who = tuple(sorted((key, str(teacher[key])) for key in ("arch", "id", "path") if key in teacher)) if teacher else ()
    how = request["method"]["type"] if teacher and request else "none"
    schedule = tuple(str(plan.get(key)) for key in ("crop", "batch_size", "accumulate", "precision", "loader_workers"))
    return Training(role, plan["steps"] * plan["batch_size"], (arch, who, how, schedule), gmacs)


def forward_gmacs(arch: str, plan: Mapping[str, Any]) -> float | None:
    """Multiply-adds of one crop, forward."""
    known = MODELS.get(arch)
    if known is None or known.gmacs is None:
        return None
    height, width = plan["crop"]
    return known.gmacs * height * width / CATALOGUE_PIXELS
