"""What the finished stages of a run leave behind, as files that a later attempt reads."""

from __future__ import annotations

from bpkd_core.bundle import ClassInfo, ParityResult, Role, Value
from bpkd_core.data.layout import Split
from bpkd_core.foreign.findings import Finding, Trial
from bpkd_core.foreign.reading import Reading
from bpkd_core.spec import DistillSpec


class Prepared(Value):
    """What was learnt of the data and the machine before anything was trained.

    class_shares: of each class, its share of the labelled pixels of train.
    threads: torch's, for the whole run; their number decides the order of sums, and with it the last bits.
    """

    spec: DistillSpec
    dataset_sha256: str
    classes: list[ClassInfo]
    class_shares: list[float]
    split: Split
    image_hw: tuple[int, int]
    images: int
    step_seconds: dict[Role, float]
    steps: dict[Role, int]
    threads: int


class Probed(Value):
    """A given teacher, tried on validation images: every setting with its mIoU, and what follows in sentences.

    val_miou: of a checkpoint on the whole split, of an ONNX file on the images of its probe; None without labels.
    """

    sha256: str
    val_miou: float | None
    trials: list[Trial]
    findings: list[Finding]


class ProbedFile(Probed):
    """A teacher that is an ONNX file: how it is read, and how many numbers it holds."""

    reading: Reading
    parameters: int


class TrainedNetwork(Value):
    """A training that is over."""

    steps: int
    seconds: float
    best_val_miou: float | None


class Verified(Value):
    """Every exported file, compared with torch."""

    parity: dict[Role, ParityResult]


class Exported(Value):
    """Every exported file, by its hash."""

    sha256: dict[Role, str]
