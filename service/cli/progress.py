"""What a job's events amount to: each stage, how far it is, and how long the rest will take. No drawing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from bpkd_core.events import STAGES
from service.cli.output import percent

State = Literal["waiting", "running", "finished", "skipped"]


@dataclass
class StageProgress:
    """One stage. seconds: how long it took; since: when it began, on the clock of the events.

    losses, mious: of a training, every one that was told, as far as they are numbers.
    """

    name: str
    state: State = "waiting"
    seconds: float | None = None
    since: float | None = None
    step: int = 0
    total: int = 0
    images_per_s: float | None = None
    miou: float | None = None
    losses: list[float] = field(default_factory=list[float])
    mious: list[float] = field(default_factory=list[float])

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ")

    def describe(self) -> str:
        """`step 120 of 600, 41.2 images/s, mIoU 47.1 %`, as far as it is known."""
        parts = [f"step {self.step} of {self.total}"] if self.total else []
        if self.images_per_s is not None:
            parts.append(f"{self.images_per_s:.1f} images/s")
        if self.miou is not None:
            parts.append(f"mIoU {percent(self.miou)}")
        return ", ".join(parts)


@dataclass
class JobProgress:
    """A job as its events tell it. percent and eta_seconds are of the whole job, None while unknown."""

    status: str = "queued"
    attempt: int = 1
    percent: float | None = None
    eta_seconds: float | None = None
    stages: dict[str, StageProgress] = field(default_factory=lambda: {name: StageProgress(name) for name in STAGES})

    def hear(self, kind: str, data: Mapping[str, Any], at: float) -> None:
        """Take one event in, the trainer's or the service's. at: its time, in seconds."""
        match kind:
            case "status" | "done" if "status" in data:
                self.status, self.attempt = str(data["status"]), int(data.get("attempt", self.attempt))
            case "stage":
                self._change(self._stage(data), data, at)
            case "metrics":
                self._count(self._stage(data), data)
            case _:
                pass

    def _stage(self, data: Mapping[str, Any]) -> StageProgress:
        name = str(data.get("stage"))
        return self.stages.setdefault(name, StageProgress(name))

    def _change(self, stage: StageProgress, data: Mapping[str, Any], at: float) -> None:
        match data.get("state"):
            case "started":
                stage.state, stage.since = "running", at
            case "finished" if stage.state != "finished":  # a later attempt repeats what an earlier one had finished
                stage.state, stage.seconds = (
                    "finished",
                    data.get("duration_s") if stage.since is None else at - stage.since,
                )
            case "skipped":
                stage.state = "skipped"
            case _:
                pass

    def _count(self, stage: StageProgress, data: Mapping[str, Any]) -> None:
        stage.step, stage.total = int(data.get("step", 0)), int(data.get("total_steps", 0))
        stage.images_per_s = data.get("images_per_s", stage.images_per_s)
        values = data.get("values", {})
        stage.miou = values.get("val_miou", stage.miou)
        for curve, name in ((stage.losses, "loss"), (stage.mious, "val_miou")):
            if isinstance(value := values.get(name), int | float) and isfinite(value):
                curve.append(value)
        self.percent = data.get("percent", self.percent)
        self.eta_seconds = data.get("eta_seconds", self.eta_seconds)
