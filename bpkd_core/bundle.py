"""What a run leaves behind: a folder whose `bundle.json` names every file with its sha256, and the measured result.

A bundle is complete or absent: the files are written first, `bundle.json` last and atomically.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bpkd_core.errors import InvalidModel


def _is_number(value: object) -> object:
    return None if isinstance(value, float) and value != value else value


Number = Annotated[float | None, BeforeValidator(_is_number)]
"""A measured number; NaN (a class that is absent, say) becomes null."""

Role = Literal["teacher", "control", "student"]
Reference = Literal["labels", "teacher"]
"""What masks were compared with: ground truth, or a teacher's prediction. The latter tells agreement, not accuracy."""


class Value(BaseModel):
    """A frozen piece of a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassInfo(Value):
    """One class of a dataset: its id in the masks, its name, and its colour in pictures (RGB, 0 to 255)."""

    id: int = Field(ge=0, le=65534)
    name: str = Field(min_length=1, max_length=200)
    color: tuple[int, int, int]


class Interval(Value):
    """A value with its bootstrap 95 % interval over images; `reason` says why it is undefined, if it is."""

    value: Number = None
    low: Number = None
    high: Number = None
    reason: str | None = None


class Latency(Value):
    """Milliseconds for one image through the exported file, on the provider that really ran."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    provider: str
    threads: int
    height: int
    width: int


class ParityResult(Value):
    """Torch against onnxruntime, over sizes other than the traced one."""

    max_abs_logit_diff: float
    argmax_agreement: float = Field(description="share of logit cells with the same winner")
    mask_agreement: float = Field(description="share of mask pixels that are the same")
    sizes: list[tuple[int, int]]
    batches: list[int]


class NetworkResult(Value):
    """One network, measured on its exported ONNX file."""

    arch: str
    miou: Number
    miou_interval: Interval
    per_class_iou: dict[str, Number]
    mean_accuracy: Number
    pixel_accuracy: Number
    boundary_iou: Number
    edge_miou: Number
    body_miou: Number
    trimap_miou: dict[str, Number] = Field(description="band half-width in pixels -> mIoU")
    parameters: int
    gflops: Number = Field(description="for one image of the evaluation's size; null for a given ONNX file")
    onnx_bytes: int
    latency: Latency
    parity: ParityResult | None = Field(description="null for a given ONNX file, which has no torch beside it")
    steps: int | None = None
    train_seconds: float | None = None


class Result(Value):
    """The honest answer of a job: was the student worth it, and did distillation help?"""

    split: str = Field(description="the split that everything here was measured on")
    images: int
    reference: Reference = Field(
        default="labels",
        description="what masks were compared with; the teacher's own where nothing is labelled: that is agreement "
        "with it, not accuracy",
    )
    method: str
    teacher: NetworkResult
    control: NetworkResult | None
    student: NetworkResult
    gap_closed: Interval = Field(description="(student - control) / (teacher - control) in mIoU")
    miou_gain: Interval = Field(description="student - control")
    boundary_iou_gain: Interval = Field(description="student - control")
    verdict: str = Field(description="one sentence: whether distillation helped, and how sure that is")


class FileInfo(Value):
    """One file of a bundle."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int


class Bundle(Value):
    """The index of a finished run, stored as `bundle.json` beside its files.

    files: name -> sha256 and size; always `student.onnx`, `picture.png`, `quality.json`, `report.html` and
    `manifest.json`, `control.onnx` when a control was trained, and `teacher.onnx` unless the teacher was given as an
    ONNX file, which `provenance` names by its hash.
    """

    format: Literal[1] = 1
    result: Result
    classes: list[ClassInfo]
    dataset_sha256: str
    provenance: dict[str, str] = Field(default_factory=dict[str, str])
    files: dict[str, FileInfo]

    def write(self, folder: Path) -> None:
        """Write `bundle.json`, which makes the bundle exist."""
        write_atomically(folder / "bundle.json", self.model_dump_json(indent=1).encode())

    @classmethod
    def read(cls, folder: Path, *, verify: bool = True) -> Self:
        """Read a bundle and compare every file with its hash. Raises InvalidModel."""
        path = folder / "bundle.json"
        try:
            bundle = cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise InvalidModel(f"{path.name} is missing or damaged; expected the folder of a finished run") from error
        for name, info in bundle.files.items() if verify else ():
            if not (folder / name).is_file() or describe(folder / name) != info:
                raise InvalidModel(f"{name} is missing or differs from its hash in bundle.json; repeat the run")
        return bundle


def describe(path: Path) -> FileInfo:
    """Hash a file without holding it in memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
        return FileInfo(sha256=digest.hexdigest(), size=file.tell())


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is old, or new, and never in between: temp file, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
