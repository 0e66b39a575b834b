"""A job as a value: what was asked, how far it is, how it ended. Its moves are in service/domain/lifecycle.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from bpkd_core.bundle import FileInfo
from bpkd_core.events import STAGES
from service.domain.leases import Lease

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class StageState:
    """One stage that was started or skipped.

    warnings: what the trainer warned of meanwhile, each code and message. images_per_s, memory_bytes: of a training,
    the pace that was told last and the most that its process has held.
    """

    name: str
    state: Literal["running", "finished", "skipped"]
    progress: float = 0.0
    started_at: datetime | None = None
    duration_s: float | None = None
    warnings: tuple[Mapping[str, str], ...] = ()
    images_per_s: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far the stage is that reported last. percent: of the stage, 0 to 100. eta_seconds: of the whole job."""

    stage: str
    percent: float
    step: int
    total_steps: int
    eta_seconds: float | None = None
    images_per_s: float | None = None


@dataclass(frozen=True)
class Mark:
    """The newest checkpoint. Marks order by stage, then by step: a greater mark is progress."""

    stage: str
    step: int

    def beyond(self, other: Mark | None) -> bool:
        """Whether this checkpoint is further along the recipe than another."""
        return other is None or self._place > other._place

    @property
    def _place(self) -> tuple[int, int]:
        names: tuple[str, ...] = STAGES
        return (names.index(self.stage) if self.stage in names else -1, self.step)


@dataclass(frozen=True)
class Job:
    """One distillation.

    request: the validated request as JSON. priority: -100 to 100, a greater one is worked on first. teacher_id: of a
    registered teacher. retry_of: the job whose newest checkpoint this one goes on from. latest, best: metrics of the
    stage in `progress`, by name. attempt: 1, and one more after each crash. attempts_without_progress: crashes since
    the last new checkpoint. worker: who runs it, or ran it last. error: :meth:`bpkd_core.errors.BpkdError.to_dict`.
    result: :class:`bpkd_core.bundle.Result` as JSON. files: what the run left, by name; the bytes are in Artifacts
    under their sha256. model, version: what it was published as.
    """

    id: str
    name: str
    request: Mapping[str, Any]
    dataset_id: str
    created_at: datetime
    created_by: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    priority: int = 0
    teacher_id: str | None = None
    retry_of: str | None = None
    status: Status = "queued"
    cancel_requested: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 1
    attempts_without_progress: int = 0
    worker: str | None = None
    stage: str | None = None
    stages: tuple[StageState, ...] = ()
    progress: Progress | None = None
    latest: Mapping[str, float] = field(default_factory=dict[str, float])
    best: Mapping[str, float] = field(default_factory=dict[str, float])
    checkpoint: Mark | None = None
    error: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    files: Mapping[str, FileInfo] = field(default_factory=dict[str, FileInfo])
    model: str | None = None
    version: int | None = None
    lease: Lease = field(default_factory=Lease)

    def evolve(self, **changes: Any) -> Job:
        """The same job with some fields changed."""
        return replace(self, **changes)

    @property
    def retryable(self) -> bool:
        """Whether another job may go on from where this one ended."""
        return self.status in ("failed", "cancelled")

    @property
    def ended(self) -> bool:
        """Whether the job is in a state that never changes again."""
        return self.status in TERMINAL


@dataclass(frozen=True)
class Remains:
    """What a run that did not succeed leaves: its files by name, and the last lines of its log.

    result: of a run that ended, and whose student was not good enough for its gates.
    """

    files: Mapping[str, FileInfo] = field(default_factory=dict[str, FileInfo])
    log_tail: str = ""
    result: Mapping[str, Any] | None = None


NOTHING = Remains()
