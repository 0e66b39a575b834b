"""The specification of a distillation: what a person writes in `spec.yaml` and what a job resolves to.

Every field but the dataset and the student has a default. The defaults of the methods are the papers' (see
bpkd_core/methods); the defaults of :class:`Train` are those of the BPKD authors' Cityscapes runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bpkd_core import catalog
from bpkd_core.errors import InvalidSpec, UnknownName

T = TypeVar("T", bound=BaseModel)


class Section(BaseModel):
    """A frozen part of a specification: unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _known_network(name: str) -> str:
    return catalog.require("models", name)


MAX_ARCH = 200
Arch = Annotated[str, Field(max_length=MAX_ARCH, examples=["ddrnet_23_nano"]), AfterValidator(_known_network)]


# Methods


class NoDistillation(Section):
    """Cross-entropy only: the control."""

    type: Literal["none"] = "none"


class PixelKD(Section):
    """Per-pixel knowledge distillation (Hinton et al. 2015)."""

    type: Literal["kd"] = "kd"
    temperature: float = Field(default=2.0, gt=0, le=100)
    weight: float = Field(default=1.0, ge=0, le=1e6)


class ChannelWiseKD(Section):
    """Channel-wise distillation (Shu et al. 2021)."""

    type: Literal["cwd"] = "cwd"
    temperature: float = Field(default=4.0, gt=0, le=100)
    weight: float = Field(default=3.0, ge=0, le=1e6)


class BoundaryPrivilegedKD(Section):
    """BPKD (Liu et al. 2024): edges and bodies distilled apart. Defaults as in the paper."""

    type: Literal["bpkd"] = "bpkd"
    edge_width_px: int = Field(default=7, ge=1, le=99, description="side of the square window that makes an edge, odd")
    temperature_edge: float = Field(default=1.0, gt=0, le=100)
    temperature_body: float = Field(default=1.0, gt=0, le=100)
    alpha: float = Field(default=2.0, ge=0, le=1e6, description="weight of each class inside the edge loss")
    lambda_edge: float = Field(default=50.0, ge=0, le=1e6)
    lambda_body: float = Field(default=20.0, ge=0, le=1e6)
    pre_mask: Literal["multiply", "off"] = "multiply"
    post_mask: bool = True
    edge_norm: Literal["class_sum", "class_mean", "pixels"] = "class_sum"
    center: bool = Field(default=False, description="subtract each pixel's mean logit before the masks")
    void: Literal["transparent", "as_class"] = "transparent"

    @model_validator(mode="after")
    def _odd_width(self) -> Self:
        if self.edge_width_px % 2 == 0:
            found = self.edge_width_px
            raise ValueError(f"edge_width_px is {found}; expected an odd number, such as {found + 1}")
        return self


Method = Annotated[NoDistillation | PixelKD | ChannelWiseKD | BoundaryPrivilegedKD, Field(discriminator="type")]


# Training


class Train(Section):
    """One network's schedule and recipe."""

    steps: int = Field(default=80_000, ge=1, le=10_000_000, description="optimizer steps")
    batch_size: int = Field(default=8, ge=1, le=1024)
    crop: tuple[int, int] = Field(
        default=(512, 1024), description="height and width of a training crop, multiples of 32"
    )
    scale: tuple[float, float] = Field(default=(0.5, 2.0), description="range of the random resize before the crop")
    photometric: float = Field(default=1.0, ge=0, le=1, description="strength of the colour distortion; 0 is none")
    input_downscale: Literal[1, 2, 4] = Field(
        default=1, description="the network sees images reduced by this factor, in training and when it is served"
    )
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(default=0.01, gt=0, le=10)
    min_lr: float = Field(default=1e-4, ge=0, le=10)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0, le=1)
    schedule: Literal["poly", "cosine"] = "poly"
    poly_power: float = Field(default=0.9, gt=0, le=10)
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000)
    clip_grad_norm: float | None = Field(default=None, gt=0, le=1e6)
    aux_weight: float = Field(default=0.4, ge=0, le=100, description="weight of the auxiliary heads' cross-entropy")
    distill_warmup_steps: int = Field(
        default=0, ge=0, le=1_000_000, description="steps over which the method's weight rises"
    )
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    loader_workers: int = Field(default=0, ge=0, le=64)
    seed: int = Field(default=0, ge=0, lt=2**31)
    eval_every: int = Field(
        default=2_000, ge=1, le=10_000_000, description="steps between evaluations on the val split"
    )
    checkpoint_every: int = Field(
        default=500, ge=1, le=10_000_000, description="steps between checkpoints: the most a crash costs"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(side % 32 or not 32 <= side <= 4096 for side in self.crop):
            raise ValueError(f"crop is {list(self.crop)}; expected multiples of 32 from 32 to 4096, such as [256, 512]")
        low, high = self.scale
        if not 0.1 <= low <= high <= 10:
            raise ValueError(
                f"scale is {list(self.scale)}; expected two rising factors from 0.1 to 10, such as [0.5, 2.0]"
            )
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr is {self.min_lr:g}, above lr {self.lr:g}; expected it at or below lr")
        return self


class TrainedTeacher(Section):
    """No teacher yet: train one first, on the same dataset. `train` defaults to the student's."""

    type: Literal["train"] = "train"
    arch: Arch
    train: Train | None = None


class CheckpointTeacher(Section):
    """A network of the catalog with weights from a safetensors file or a plain state dict."""

    type: Literal["checkpoint"] = "checkpoint"
    arch: Arch
    path: Path


Teacher = Annotated[TrainedTeacher | CheckpointTeacher, Field(discriminator="type")]


class Student(Section):
    """The network to be trained, by its name in the catalog."""

    type: Literal["arch"] = "arch"
    arch: Arch


class Export(Section):
    """What is written beside the mask: nothing, the winning class's probability, or the raw logits."""

    outputs: tuple[Literal["mask", "confidence", "logits"], ...] = ("mask",)

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
    dataset: Path
    student: Student
    teacher: Teacher
    method: Method = BoundaryPrivilegedKD()
    train: Train = Train()
    control: Literal["none", "full"] = Field(default="full", description="also train the student without distillation")
    export: Export = Export()
    budget_minutes: float | None = Field(default=None, ge=0.5, le=100_000)
    provenance: Mapping[str, str] = Field(
        default_factory=dict[str, str], description="job id and the like, kept in the ONNX file"
    )

    @model_validator(mode="after")
    def _one_input_size(self) -> Self:
        require_one_input_size(self.teacher_train(), self.train)
        return self

    def teacher_train(self) -> Train:
        """The teacher's schedule: its own, or the student's."""
        own = self.teacher.train if isinstance(self.teacher, TrainedTeacher) else None
        return own or self.train


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
    if isinstance(teacher, CheckpointTeacher):
        teacher = teacher.model_copy(update={"path": folder / teacher.path})
    return spec.model_copy(update={"dataset": folder / spec.dataset, "teacher": teacher})


def parse(model: type[T], data: object) -> T:
    """Validate `data` against a model of this file, in this library's words.

    Raises UnknownName as it is, and InvalidSpec for the rest, with `param` set to the first field to blame.
    """
    try:
        return model.model_validate(data)
    except UnknownName:
        raise
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        param = _written_path(first["loc"], data)
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InvalidSpec(
            f"{param or 'spec'}: {first['msg'].removeprefix('Value error, ')}{more}", param=param or None
        ) from error


def _written_path(loc: Iterable[int | str], data: Any) -> str:
    """The dotted path of a field as the caller wrote it: without the union members that pydantic puts between."""
    parts: list[str] = []
    for part in loc:
        inside = cast("dict[Any, Any]", data) if isinstance(data, dict) else {}
        if part in inside or part != inside.get("type"):
            parts.append(str(part))
            data = inside.get(part)
    return ".".join(parts)
