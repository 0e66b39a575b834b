"""The wire format of `/v1`: what goes in and what comes out, for the API and for its client.

Requests refuse unknown fields; answers tolerate them, so that an old client reads a new server. Every object names its
kind in `object`; ids are prefixed and sort by time; times are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Generic, Literal, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from bpkd_core import catalog
from bpkd_core.bundle import ClassInfo, FileInfo, Number, Result
from bpkd_core.recipes import with_presets
from bpkd_core.spec import (
    MAX_ARCH,
    BoundaryPrivilegedKD,
    Evaluation,
    Export,
    LabelSource,
    LayoutName,
    Method,
    OnnxTeacher,
    Section,
    Student,
    Teacher,
    Train,
    TrainedTeacher,
    require_one_input_size,
    teacher_train,
)

T = TypeVar("T")

DEFAULT_ALIAS = "production"
"""What serves when a request names neither an alias nor a version."""

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
DatasetState = Literal["validating", "ready", "refused"]
Role = Literal["teacher", "control", "student"]
EventType = Literal["status", "stage", "metrics", "log", "preview", "checkpoint", "warning", "done"]

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that stands in URLs: lower case letters, digits, dot, dash and underscore."""
DatasetId = Annotated[str, StringConstraints(pattern=r"^ds_[0-9a-z]{26}$")]
Reason = Annotated[str, StringConstraints(max_length=1000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16, description="kept and returned as it is")]


# Requests


class DatasetRequest(Section):
    """Register a folder that the server can read; validation starts by itself."""

    name: Label
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = Field(
        description="a folder inside one of the server's import roots"
    )
    layout: LayoutName = Field(default="auto", description="how its files are arranged; auto finds it")
    labels: LabelSource = Field(
        default="dataset", description="what jobs will learn from; with teacher or mixed, images may lack their masks"
    )
    metadata: Metadata = Field(default_factory=dict[str, str])


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
    teacher: Teacher = TrainedTeacher(arch="pspnet_r101")
    method: Method = BoundaryPrivilegedKD()
    train: Train = Train()
    eval: Evaluation = Evaluation()
    control: Literal["none", "full"] = Field(default="full", description="also train the student without distillation")
    export: Export = Export()
    budget_minutes: float | None = Field(
        default=None, ge=0.5, le=100_000, description="choose the steps so that the job ends within this time"
    )
    registration: Register | None = Field(default=None, alias="register")
    metadata: Metadata = Field(default_factory=dict[str, str])

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
        return self


class AliasRequest(Section):
    """Point an alias at a version."""

    version: int = Field(ge=1, lt=2**31)
    reason: Reason | None = None


class RollbackRequest(Section):
    """Point an alias back at the version that was live before."""

    reason: Reason | None = None


# Answers


class Wire(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class List(Wire, Generic[T]):
    """One page. `has_more` says whether `after=<last_id>` brings another."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
    first_id: str | None
    last_id: str | None


class Failure(Wire):
    """Why a job or a validation failed."""

    code: str
    message: str
    param: str | None = None
    hint: str | None = None
    retryable: bool = False


class Dataset(Wire):
    """A folder of images and masks. splits: split -> number of images. layout, labels: as they were asked for."""

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    path: str
    layout: str
    labels: LabelSource
    state: DatasetState
    sha256: str | None
    classes: list[ClassInfo]
    splits: dict[str, int]
    error: Failure | None
    created_at: datetime
    checked_at: datetime | None
    metadata: dict[str, str]


class JobStage(Wire):
    """One stage that was started or skipped. progress: percent."""

    name: str
    state: Literal["running", "finished", "skipped"]
    progress: float
    started_at: datetime | None
    duration_s: float | None
    warnings: list[dict[str, str]]


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
    error: Failure | None
    result: Result | None
    model: str | None
    version: int | None
    request: dict[str, object] = Field(description="as it was sent, with every default filled in")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    metadata: dict[str, str]


class PlannedNetwork(Wire):
    """One network that a job would train. Figures of the catalog: millions of parameters, and of one 360x480 image."""

    role: Role
    arch: str
    steps: int | None = Field(description="null when `budget_minutes` chooses them")
    params_m: float | None
    gmacs: float | None


class JobPlan(Wire):
    """What a job would do: the answer to a dry run."""

    object: Literal["job_plan"] = "job_plan"
    request: dict[str, object] = Field(description="as it was sent, with every default filled in")
    dataset: Dataset
    networks: list[PlannedNetwork]
    budget_minutes: float | None


class Event(Wire):
    """Something that happened to a job. seq: 1, 2, 3 ... without a gap."""

    object: Literal["event"] = "event"
    id: str
    job: str
    seq: int
    type: EventType
    at: datetime
    data: dict[str, object]


class Metrics(Wire):
    """What a network reached after a step."""

    object: Literal["metrics"] = "metrics"
    id: str
    at: datetime
    stage: str | None
    step: int | None
    values: dict[str, Number]


class File(Wire):
    """A file to download."""

    object: Literal["file"] = "file"
    name: str
    sha256: str
    size: int
    url: str


class Model(Wire):
    """A name under which versions are published. aliases: alias -> version."""

    object: Literal["model"] = "model"
    name: str
    latest_version: int
    aliases: dict[str, int]
    created_at: datetime


class Version(Wire):
    """One published network; it never changes."""

    object: Literal["model_version"] = "model_version"
    model: str
    version: int
    job: str
    dataset_sha256: str
    onnx: FileInfo
    files: dict[str, FileInfo]
    classes: list[ClassInfo]
    provenance: dict[str, str]
    created_at: datetime


class Alias(Wire):
    """A name that points to a version. revision: the ETag, one more with each move."""

    object: Literal["alias"] = "alias"
    model: str
    alias: str
    version: int
    revision: int
    moved_at: datetime
    moved_by: str | None


class AliasMove(Wire):
    """One line of an alias's history."""

    object: Literal["alias_move"] = "alias_move"
    model: str
    alias: str
    revision: int
    kind: Literal["promote", "rollback"]
    from_version: int | None
    to_version: int
    at: datetime
    by: str | None
    reason: str | None


class ClassArea(Wire):
    """Where one class is in a mask. rle: COCO's compressed run lengths."""

    id: int
    name: str
    pixels: int
    fraction: float
    rle: str


class Prediction(Wire):
    """A mask in words. classes: those that are present."""

    object: Literal["prediction"] = "prediction"
    id: str
    model: str
    version: int
    height: int
    width: int
    classes: list[ClassArea]


class CatalogStudent(Wire):
    """A network that can be named in a job. For 19 classes; gmacs: multiply-adds of one 360x480 image, in 10^9."""

    object: Literal["student"] = "student"
    name: str
    title: str
    paper: str
    licence: str
    stride: int | None
    params_m: float | None
    gmacs: float | None


class Worker(Wire):
    """A process that works. holds: ids of its jobs and datasets."""

    object: Literal["worker"] = "worker"
    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime
    holds: list[str]


class Health(Wire):
    """All is well; a problem says otherwise."""

    object: Literal["health"] = "health"
    status: Literal["ok"] = "ok"


class ServerVersion(Wire):
    """What runs here."""

    object: Literal["version"] = "version"
    version: str
    api: Literal["v1"] = "v1"
    onnx_contract: str


class Blame(Wire):
    """One field and what is wrong with it.

    pointer: `#/student/arch` in the body, `?limit` in the query, `/job_id` in the path.
    """

    pointer: str
    detail: str


class Problem(Wire):
    """Why a request was refused (RFC 9457). type: a page of this server that says more."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Blame] = []
    hint: str | None = None
    request_id: str | None = None
