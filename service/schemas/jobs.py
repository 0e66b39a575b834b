"""Jobs on the wire: what is asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from bpkd_core import catalog
from bpkd_core.bundle import Number, Result
from bpkd_core.recipes import with_presets
from bpkd_core.spec import (
    MAX_ARCH,
    BoundaryPrivilegedKD,
    CheckpointTeacher,
    Control,
    Evaluation,
    Export,
    LabelSource,
    Method,
    OnnxTeacher,
    Section,
    Sha256,
    Student,
    Train,
    TrainedTeacher,
    require_confidence_used,
    require_one_input_size,
    teacher_train,
)
from service.schemas.base import Failure, Fraction, Label, Metadata, Name, Wire
from service.schemas.datasets import DatasetId
from service.schemas.teachers import RegisteredTeacher
from service.schemas.webhooks import JobWebhooks

JobId = Annotated[str, StringConstraints(pattern=r"^job_[0-9a-z]{26}$")]
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
JobTeacher = Annotated[
    TrainedTeacher | CheckpointTeacher | OnnxTeacher | RegisteredTeacher, Field(discriminator="type")
]


class Gates(Section):
    """What a student must reach to be registered; a gate that is not given is open."""

    miou_min: Fraction | None = None
    boundary_iou_min: Fraction | None = None
    argmax_agreement_min: Fraction | None = None


class Register(Section):
    """Where a finished student goes: a model's name, an alias to move, and the gates before it."""

    model: Name
    alias_on_success: Name | None = None
    gates: Gates = Gates()


class JobRequest(Section):
    """One distillation: teacher, student, control, export and registration in one piece.

    Files that it names lie inside the server's import roots, as datasets do. A teacher without a type is trained.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: Label = "distill"
    preset: tuple[Label, ...] = Field(default=(), max_length=8, description="recipes to lie under this request")
    dataset: DatasetId
    labels: LabelSource = Field(default="dataset", description="what the student learns where an image has no mask")
    label_confidence: float = Field(default=0.0, ge=0, lt=1, description="below it a teacher's answer is void")
    student: Student
    teacher: JobTeacher = TrainedTeacher(arch="pspnet_r101")
    method: Method = BoundaryPrivilegedKD()
    train: Train = Train()
    eval: Evaluation = Evaluation()
    control: Control = "full"
    export: Export = Export()
    budget_minutes: float | None = Field(
        default=None, ge=0.5, le=100_000, description="choose the steps so that the job ends within this time"
    )
    registration: Register | None = Field(default=None, alias="register")
    priority: int = Field(default=0, ge=-100, le=100, description="the greater is worked on first")
    dataset_sha256: Sha256 | None = Field(default=None, description="refuse to run on other data than this")
    webhooks: JobWebhooks = ()
    metadata: Metadata = Field(default_factory=dict[str, str])

    def kept(self) -> dict[str, Any]:
        """What a job keeps and shows of its request, as JSON: all but webhooks, whose addresses may hold secrets."""
        return self.model_dump(mode="json", by_alias=True, exclude={"webhooks"})

    @model_validator(mode="before")
    @classmethod
    def _presets(cls, data: object) -> object:
        return with_presets(data)

    @field_validator("student", "teacher", mode="before")
    @classmethod
    def _say_which(cls, value: object, info: ValidationInfo) -> object:
        """Say which of the two names is unknown, before the section says only that a network is.

        What is no name at all, half a surrogate pair say, is left to the section: no answer could repeat it.
        """
        match value:
            case {"arch": str(arch)} if arch.isprintable() and len(arch) <= MAX_ARCH:
                catalog.require("models", arch, word=info.field_name, param=f"{info.field_name}.arch")
            case _:
                pass
        return value

    @field_validator("teacher", mode="before")
    @classmethod
    def _trained_unless_said(cls, value: object) -> object:
        return {"type": "train", **cast("Mapping[str, object]", value)} if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _one_input_size(self) -> Self:
        require_one_input_size(teacher_train(self.teacher, self.train), self.train)
        return self

    @model_validator(mode="after")
    def _features_are_shown(self) -> Self:
        catalog.require_features(self.method.type, teacher=not isinstance(self.teacher, OnnxTeacher))
        require_confidence_used(self.labels, self.label_confidence)
        return self


class RepeatRequest(Section):
    """Run a job again exactly: the same request, steps and seed, on data with the same hash.

    What is given beside `from_manifest` replaces what the job had. A manifest does not say where its student was
    registered; a job does.
    """

    model_config = ConfigDict(populate_by_name=True)

    from_manifest: JobId | dict[str, object] = Field(
        description="the id of a job, or the manifest that a job left (`/v1/jobs/{id}/manifest`)"
    )
    name: Label | None = None
    priority: int | None = Field(default=None, ge=-100, le=100)
    registration: Register | None = Field(default=None, alias="register")
    webhooks: JobWebhooks = ()
    metadata: Metadata | None = None


class JobFailure(Failure):
    """Why a job failed. log_tail: the last lines of its log; all of it is at `/logs`."""

    log_tail: str | None = None


class JobStage(Wire):
    """One stage that was started or skipped. progress: percent. memory_bytes: the most that its process has held."""

    name: str
    state: Literal["running", "finished", "skipped"]
    progress: float
    started_at: datetime | None
    duration_s: float | None
    warnings: list[dict[str, str]]
    images_per_s: float | None = None
    memory_bytes: float | None = None


class JobProgress(Wire):
    """How far the stage is that reported last. percent: of the stage. eta_seconds: of the whole job."""

    stage: str
    percent: float
    step: int
    total_steps: int
    eta_seconds: float | None
    images_per_s: float | None


class Job(Wire):
    """A distillation and where it stands. latest, best: metrics of the stage in `progress`."""

    object: Literal["job"] = "job"
    id: str
    name: str
    status: JobStatus
    cancel_requested: bool
    dataset: str
    stage: str | None
    stages: list[JobStage]
    progress: JobProgress | None
    latest: dict[str, Number]
    best: dict[str, Number]
    attempt: int
    worker: str | None
    priority: int
    retry_of: str | None = Field(description="the job whose newest checkpoint this one goes on from")
    error: JobFailure | None
    result: Result | None
    model: str | None
    version: int | None
    request: dict[str, object] = Field(description="as it was sent, with every default filled in")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    metadata: dict[str, str]
