"""The specification of a distillation: what a person writes in `spec.yaml` and what a job resolves to.

Every field but the dataset and the student has a default. The defaults of the methods are the papers' (see
bpkd_core/methods); the defaults of :class:`Train` are those of the BPKD authors' Cityscapes runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from bpkd_core import catalog
from bpkd_core.errors import InvalidSpec, UnknownName
from bpkd_core.recipes import with_presets
from bpkd_core.spec.evaluation import Evaluation
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.spec.labels import LabelSource
from bpkd_core.spec.methods import (
    PLUG_IN,
    BoundaryPrivilegedKD,
    ChannelWiseKD,
    CrossImageKD,
    IntraClassVariationKD,
    MaskedGenerativeKD,
    Method,
    NoDistillation,
    PixelKD,
    PluginMethod,
    RelationalKD,
    StructuredKD,
)
from bpkd_core.spec.networks import (
    HUB_ID,
    MAX_ARCH,
    Arch,
    CheckpointTeacher,
    OnnxTeacher,
    Student,
    Teacher,
    TrainedTeacher,
)
from bpkd_core.spec.section import Section, wording
from bpkd_core.spec.train import HardPixels, Train

__all__ = [
    "HUB_ID",
    "MAX_ARCH",
    "Arch",
    "BoundaryPrivilegedKD",
    "ChannelWiseKD",
    "CheckpointTeacher",
    "Control",
    "CrossImageKD",
    "DistillSpec",
    "Evaluation",
    "Export",
    "HardPixels",
    "IntraClassVariationKD",
    "LabelSource",
    "LayoutName",
    "MaskedGenerativeKD",
    "Method",
    "NoDistillation",
    "OnnxTeacher",
    "PixelKD",
    "Pixels",
    "PluginMethod",
    "RelationalKD",
    "Scores",
    "Section",
    "Sha256",
    "StructuredKD",
    "Student",
    "Teacher",
    "Train",
    "TrainedTeacher",
    "is_tag",
    "parse",
    "parse_spec",
    "read_spec",
    "require_confidence_used",
    "require_one_input_size",
    "teacher_train",
    "wording",
]

T = TypeVar("T", bound=BaseModel)
N = TypeVar("N", Student, TrainedTeacher)


def _known_layout(name: str) -> str:
    return name if name == "auto" else catalog.require("datasets", name, param="layout")


LayoutName = Annotated[str, Field(max_length=MAX_ARCH), AfterValidator(_known_layout)]


Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Control = Annotated[
    Literal["none", "short", "full"],
    Field(
        description="also train the student without distillation: as long, or for a tenth of the steps, which shows a "
        "distillation gone wrong and measures nothing"
    ),
]


class Export(Section):
    """What is written beside the mask: nothing, the winning class's probability, or the raw logits; and how exactly."""

    outputs: tuple[Literal["mask", "confidence", "logits"], ...] = ("mask",)
    precisions: tuple[Annotated[str, Field(max_length=16)], ...] = Field(
        default=("fp32",), min_length=1, max_length=8, description="of the exported weights: fp32 only, for now"
    )

    @field_validator("precisions")
    @classmethod
    def _known_precision(cls, precisions: tuple[str, ...]) -> tuple[str, ...]:
        if precisions != ("fp32",):
            raise ValueError('a precision other than fp32 cannot be exported yet; expected ["fp32"]')
        return precisions

    @model_validator(mode="after")
    def _mask_first(self) -> Self:
        if self.outputs[:1] != ("mask",) or len(set(self.outputs)) != len(self.outputs):
            raise ValueError(f'outputs is {list(self.outputs)}; expected "mask" first and each name once')
        return self


class DistillSpec(Section):
    """All that :func:`bpkd_core.run.run` needs to know.

    budget_minutes: when set, the steps of teacher, control and student are chosen after a short measurement so that
    the whole run ends within that time on this machine; `train.steps` is then ignored.
    """

    name: str = Field(default="distill", min_length=1, max_length=200)
    preset: tuple[str, ...] = Field(
        default=(), max_length=8, description="recipes to lie under this specification, the later over the earlier"
    )
    dataset: Path
    layout: LayoutName = Field(default="auto", description="how the dataset's files are arranged; auto finds it")
    labels: LabelSource = Field(
        default="dataset", description="what the student learns: the masks, the teacher's answers, or these where none"
    )
    label_confidence: float = Field(
        default=0.0, ge=0, lt=1, description="a teacher's answer of a lower probability is void, not a label"
    )
    student: Student
    teacher: Teacher
    method: Method = BoundaryPrivilegedKD()
    train: Train = Train()
    eval: Evaluation = Evaluation()
    control: Control = "full"
    export: Export = Export()
    budget_minutes: float | None = Field(default=None, ge=0.5, le=100_000)
    dataset_sha256: Sha256 | None = Field(default=None, description="refuse to run on other data than this")
    provenance: Mapping[str, str] = Field(
        default_factory=dict[str, str], description="job id and the like, kept in the ONNX file"
    )

    @model_validator(mode="before")
    @classmethod
    def _presets(cls, data: object) -> object:
        return with_presets(data)

    @model_validator(mode="after")
    def _one_input_size(self) -> Self:
        require_one_input_size(self.teacher_train(), self.train)
        return self

    @model_validator(mode="after")
    def _features_are_shown(self) -> Self:
        catalog.require_features(self.method.type, teacher=not isinstance(self.teacher, OnnxTeacher))
        require_confidence_used(self.labels, self.label_confidence)
        return self

    def same_run(self, other: Self) -> bool:
        """Whether a folder that this began can be gone on with.

        Only what a run is called may differ, and where its teacher's file lies: the run looks at its content.
        """
        mine, theirs = self.teacher, other.teacher
        if isinstance(mine, CheckpointTeacher | OnnxTeacher) and isinstance(theirs, CheckpointTeacher | OnnxTeacher):
            mine = mine.model_copy(update={"path": theirs.path})
        return self.model_copy(update={"provenance": other.provenance, "teacher": mine}) == other

    def teacher_train(self) -> Train:
        """The teacher's schedule."""
        return teacher_train(self.teacher, self.train)


def teacher_train(teacher: Section, student: Train) -> Train:
    """The teacher's schedule: its own, or the student's."""
    own = teacher.train if isinstance(teacher, TrainedTeacher) else None
    return own or student


def require_confidence_used(labels: LabelSource, confidence: float) -> None:
    """Raise ValueError for a confidence of answers that nobody asks the teacher for."""
    if confidence > 0 and labels == "dataset":
        raise ValueError(
            f"label_confidence is {confidence:g} and labels is dataset, so the teacher labels nothing; expected labels "
            "to be teacher or mixed, or no label_confidence"
        )


def require_one_input_size(teacher: Train, student: Train) -> None:
    """Raise ValueError for schedules whose networks would see images of two sizes."""
    if teacher.input_downscale != student.input_downscale:
        raise ValueError(
            f"input_downscale is {teacher.input_downscale} for the teacher and {student.input_downscale} for the "
            "student; expected one value, because both look at the same batch"
        )


def parse_spec(data: object) -> DistillSpec:
    """Check a mapping (from YAML or JSON). Raises InvalidSpec that names the first wrong field."""
    return parse(DistillSpec, data)


def read_spec(path: Path) -> DistillSpec:
    """Read a YAML or JSON file. Paths inside it are relative to its folder and become absolute. Raises InvalidSpec."""
    try:
        data: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidSpec(f"{path} is not a readable YAML file ({reason}); expected a distillation spec") from error
    spec, folder = parse_spec(data), path.parent.absolute()
    teacher = spec.teacher
    if isinstance(teacher, CheckpointTeacher | OnnxTeacher):
        teacher = teacher.model_copy(update={"path": folder / teacher.path})
    else:
        teacher = _beside(folder, teacher)
    student = _beside(folder, spec.student)
    return spec.model_copy(update={"dataset": folder / spec.dataset, "teacher": teacher, "student": student})


def _beside(folder: Path, network: N) -> N:
    """The network with the file that it starts from, if that lies beside the specification; else it may be a hub id."""
    if network.pretrained is None or not (folder / network.pretrained).exists():
        return network
    return network.model_copy(update={"pretrained": str(folder / network.pretrained)})


def parse(model: type[T], data: object) -> T:
    """Validate `data` against a model of this file, in this library's words.

    Raises UnknownName as it is, and InvalidSpec for the rest, with `param` set to the first field to blame.
    """
    try:
        return model.model_validate(data)
    except UnknownName:
        raise
    except ValidationError as error:
        first = _most_telling(error.errors(include_url=False), data)
        param = _written_path(first["loc"], data)
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InvalidSpec(f"{param or 'spec'}: {wording(first)}{more}", param=param or None) from error


def _most_telling(errors: Sequence[ErrorDetails], data: object) -> ErrorDetails:
    """The first field to blame; where every member of a union complains of it, the one that got furthest inside."""
    field = _written_path(errors[0]["loc"], data) + "."
    same = [error for error in errors if f"{_written_path(error['loc'], data)}.".startswith(field)]
    return max(same, key=lambda error: len(error["loc"]))


def is_tag(path: Sequence[int | str], inside: Mapping[Any, Any]) -> bool:
    """Whether a path begins with the name of a union's member where a field is called so too: a teacher's `train`."""
    if len(path) < 2 or path[0] not in inside:
        return False
    part, following = path[:2]
    field = inside[part]
    named = following == part or inside.get("type") == part
    return named and not (isinstance(field, Mapping) and following in field)


def _written_path(loc: Iterable[int | str], data: Any) -> str:
    """The dotted path of a field as the caller wrote it: without the union members that pydantic puts between."""
    parts: list[str] = []
    path = tuple(loc)
    for index, part in enumerate(path):
        inside = cast("dict[Any, Any]", data) if isinstance(data, dict) else {}
        if is_tag(path[index:], inside):
            continue
        member = part in (inside.get("type"), PLUG_IN) or "[" in str(part) or str(part)[:1].isupper()
        if part in inside or not member:
            parts.append(str(part))
            data = inside.get(part)
    return ".".join(parts)
