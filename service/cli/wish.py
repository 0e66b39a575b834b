"""What a demo is asked for, and what it came to."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpkd_core import recipes
from bpkd_core.bundle import Result
from service.schemas import DEFAULT_ALIAS, Job

RESERVE_MINUTES = 1.0  # torch starts, a step is timed; in the end promotion, masks and downloads
SHORTEST_MINUTES = 0.5  # the least that a job's budget may be
CHECKPOINTS = 4  # of a training that counts steps


@dataclass(frozen=True)
class Wish:
    """data: None draws so many `scenes`. steps: of each network, instead of `minutes` for everything."""

    home: Path
    data: Path | None = None
    minutes: float = 8.0
    seed: int = 0
    steps: int | None = None
    scenes: int = 600

    @property
    def key(self) -> str:
        """The same for the same wish: by it a demo that was broken off is recognised."""
        facts = [str(self.data and self.data.resolve()), self.minutes, self.seed, self.steps, self.scenes]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    @property
    def model(self) -> str:
        """The name to serve under: the data's, in letters that URLs like."""
        name = re.sub(r"[^a-z0-9._-]+", "-", self.data.resolve().name.lower()).lstrip("-._") if self.data else ""
        return name[:64] or "street"

    def schedule(self, spent_minutes: float) -> dict[str, Any]:
        """The fields of the job: the recipe for minutes on a laptop, in what is left of them or for so many steps."""
        left = max(SHORTEST_MINUTES, self.minutes - spent_minutes - RESERVE_MINUTES)
        fields = recipes.short(budget_minutes=left, seed=self.seed)
        if self.steps is None:
            return fields
        every = max(1, self.steps // CHECKPOINTS)
        warmup = min(recipes.SHORT_TRAIN["warmup_steps"], self.steps - 1)
        fixed = {"steps": self.steps, "warmup_steps": warmup, "eval_every": self.steps, "checkpoint_every": every}
        teacher = {**fields["teacher"], "train": fields["teacher"]["train"] | fixed}
        return {**fields, "teacher": teacher, "train": fields["train"] | fixed, "budget_minutes": None}


@dataclass(frozen=True)
class Outcome:
    """A student that was trained, measured and asked. images: those that it was asked about, a mask for each."""

    job: Job
    url: str
    home: Path
    picture: Path
    report: Path
    student_onnx: Path
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    seconds: float

    @property
    def result(self) -> Result:
        """The measurements."""
        assert self.job.result is not None  # a job that succeeded has one
        return self.job.result

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "job": self.job.id,
            "dataset": self.job.dataset,
            "model": self.job.model,
            "version": self.job.version,
            "alias": DEFAULT_ALIAS,
            "url": self.url,
            "home": str(self.home),
            "picture": str(self.picture),
            "report": str(self.report),
            "student_onnx": str(self.student_onnx),
            "images": [str(path) for path in self.images],
            "masks": [str(path) for path in self.masks],
            "seconds": round(self.seconds, 1),
            "result": self.result.model_dump(mode="json"),
        }
