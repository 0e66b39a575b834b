"""How long a job will take and what it needs, before it is begun: from what other jobs measured, where any did.

Each figure is a range, and says what it rests on. Of three sources the best that is there is taken, for each training:

measured    jobs of late that did the same: the networks, the method, the crop, the batch. +-15 %
scaled      jobs of late that trained another network here: their arithmetic a second, by the catalogue's multiply-adds.
            Between a third and three times as fast, for networks use a machine unequally well
catalogue   nothing was trained here yet: anything between a laptop's core and a large GPU
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from service.domain.footprints import estimate_memory
from service.domain.jobs import Job, StageState
from service.domain.ports import Jobs, Page
from service.domain.trainings import Measurement, Range, Training, trainings

Basis = Literal["measured", "scaled", "catalogue", "budget"]
ORDER: tuple[Basis, ...] = ("budget", "measured", "scaled", "catalogue")
"""Best first. A whole estimate is as good as its weakest part."""
SAME, OTHER = (0.85, 1.15), (1 / 3, 3.0)
MACHINES_GMACS_PER_S = (10.0, 20_000.0)  # effective: one slow core, and a large GPU in half precision
LOOKED_AT = 100  # the newest jobs, to see what was measured
FIXED_S = (30.0, 300.0)  # begin, export, compare with torch, judge: per network 20 s on two cores, plus the images


@dataclass(frozen=True)
class Estimate:
    """seconds, memory_bytes: of the whole job, and of the trainer's process (on a GPU: of the GPU's memory)."""

    seconds: Range
    memory_bytes: Range | None
    basis: Basis
    explanation: str


def foresee(jobs: Jobs, draft: Job, now: datetime) -> Estimate:
    """The estimate of a drafted job, by what the newest jobs of the store have measured."""
    return estimate(draft.request, measurements(jobs.list(Page(limit=LOOKED_AT)).data, now), now)


def measurements(jobs: Iterable[Job], now: datetime) -> list[Measurement]:
    """What jobs of late tell of the machines here, the newest first."""
    found = [each for job in jobs for each in _measured(job, now)]
    return sorted(found, key=lambda each: each.at, reverse=True)


def _measured(job: Job, now: datetime) -> Iterable[Measurement]:
    stages: dict[str, StageState] = {stage.name.removeprefix("training_"): stage for stage in job.stages}
    for training in trainings(job.request) if "train" in job.request else ():
        stage = stages.get(training.role)
        if stage is not None and stage.images_per_s:
            at = job.finished_at or now
            yield Measurement(job.id, at, training, stage.images_per_s, stage.memory_bytes)


def estimate(request: Mapping[str, Any], known: Sequence[Measurement], now: datetime) -> Estimate:
    """Time and memory of a job. request: validated, as JSON. known: what is measured, the newest first."""
    parts = [_pace(training, known) for training in trainings(request)]
    bases: list[Basis] = [part[1] for part in parts]
    basis = max(bases, key=ORDER.index)
    used = next((part[2] for part in parts if part[1] == basis and part[2]), None)
    fixed = Range(FIXED_S[0] * len(parts) / 3, FIXED_S[1] * len(parts) / 3)
    seconds = sum((part[0] for part in parts), fixed)
    if request.get("budget_minutes"):
        budget_s = 60.0 * request["budget_minutes"]
        return Estimate(Range(0.8 * budget_s, 1.2 * budget_s), estimate_memory(request, known), "budget", BUDGET)
    return Estimate(seconds, estimate_memory(request, known), basis, _explain(basis, used, now))


BUDGET = "budget_minutes chooses the steps on the machine that takes the job, so that it ends in time"


def _pace(training: Training, known: Sequence[Measurement]) -> tuple[Range, Basis, Measurement | None]:
    """Seconds of one training, and what they rest on."""
    same = [each for each in known if each.training.same == training.same]
    if same:
        paces = [training.images / each.images_per_s for each in same[:5]]
        return Range(min(paces) * SAME[0], max(paces) * SAME[1]), "measured", same[0]
    other = next((each for each in known if each.training.gmacs), None)
    if other is not None and training.gmacs is not None and other.training.gmacs is not None:
        seconds = training.images * training.gmacs / (other.images_per_s * other.training.gmacs)
        return Range(seconds * OTHER[0], seconds * OTHER[1]), "scaled", other
    gmacs = training.gmacs or 0.0
    slow, fast = MACHINES_GMACS_PER_S
    return Range(training.images * gmacs / fast, training.images * (gmacs or 1000.0) / slow), "catalogue", None


def _explain(basis: Basis, used: Measurement | None, now: datetime) -> str:
    match basis:
        case "measured" if used is not None:
            return f"measured on {used.job_id}, {_ago(used.at, now)}: the same networks, method, crop and batch"
        case "scaled" if used is not None:
            return (
                f"scaled by the catalogue's multiply-adds from {used.job_id}, {_ago(used.at, now)}, "
                "which trained something else on these workers"
            )
        case _:
            return (
                "the catalogue's multiply-adds only, for any machine from one core to a large GPU: none has trained yet"
            )


def _ago(at: datetime, now: datetime) -> str:
    seconds = max(0.0, (now - at).total_seconds())
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
