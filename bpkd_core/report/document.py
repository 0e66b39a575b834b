"""What is known of the quality of one model or several on one split: the numbers behind every page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, ValidationError

from bpkd_core.bundle import ClassInfo, Interval, Number, Reference, Result, Value, write_atomically
from bpkd_core.errors import InvalidInput
from bpkd_core.metrics import Quality, interval, intervals
from bpkd_core.metrics.counts import CONTOUR_TOLERANCES_PX, TRIMAP_WIDTHS_PX, Ints
from bpkd_core.metrics.measures import boundary_fscore, class_boundary_iou, class_iou, miou, pixel_accuracy, trimap_miou
from bpkd_core.metrics.quality import SCORES

Overlap = dict[int, tuple[int, int, int]]
"""Class id -> agreeing, true and predicted pixels; classes that occur in neither mask are left out."""
QUALITY = "quality.json"  # of a run's folder
OVERLAPS = ("region", "edge", "boundary")


class Confused(Value):
    """Pixels at edges whose class `true` was called `predicted`; share of all wrong pixels at edges."""

    true: str
    predicted: str
    pixels: int
    share: float


class ImageScore(Value):
    """One image, and what it contributes to the measures: enough to draw datasets anew and to pair two models."""

    name: str
    miou: Number
    pixel_accuracy: Number
    region: Overlap
    edge: Overlap
    boundary: Overlap


class Judged(Value):
    """One model: every measure with its 95 % interval over images. Lists follow the classes of the report.

    scores: miou, mean_accuracy, pixel_accuracy, boundary_iou, edge_miou, body_miou. boundary_fscore, trimap_miou: by
    px. confusion, edge_confusion: pixels by true (rows) and predicted class, everywhere and inside the loss's mask.
    """

    pixels: int = Field(description="valid pixels")
    edge_width_px: int
    scores: dict[str, Interval]
    class_iou: list[Interval]
    class_boundary_iou: list[Interval]
    boundary_fscore: dict[int, Interval]
    trimap_miou: dict[int, Interval]
    confusion: list[list[int]]
    edge_confusion: list[list[int]]
    worst_edge_pairs: list[Confused]
    images: list[ImageScore]

    @classmethod
    def of(cls, quality: Quality, names: Sequence[str]) -> Self:
        """The quality of one model on the images of these names, in order."""
        return cls(
            pixels=quality.pixels,
            edge_width_px=quality.edge_width_px,
            scores={name: interval(quality, name) for name in SCORES},
            class_iou=intervals(quality, class_iou),
            class_boundary_iou=intervals(quality, class_boundary_iou),
            boundary_fscore=dict(zip(CONTOUR_TOLERANCES_PX, intervals(quality, boundary_fscore), strict=True)),
            trimap_miou=dict(zip(TRIMAP_WIDTHS_PX, intervals(quality, trimap_miou), strict=True)),
            confusion=quality.confusion.tolist(),
            edge_confusion=quality.edge_confusion.tolist(),
            worst_edge_pairs=[Confused.model_validate(vars(pair)) for pair in quality.worst_edge_pairs()],
            images=_image_scores(quality, names),
        )

    def overlaps(self, kind: str) -> Ints:
        """(N, 3, C) "region", "edge" or "boundary" overlaps of the images, as they were counted."""
        counts = np.zeros((len(self.images), 3, len(self.class_iou)), np.int64)
        for index, image in enumerate(self.images):
            for class_id, overlap in getattr(image, kind).items():
                counts[index, :, class_id] = overlap
        return counts


class Report(Value):
    """Models judged on the same images; the last one is the one that the report is about.

    reference: what they were compared with. result: what a run came to, if the models are those of one. notes: what
    else one should know, in sentences.
    """

    format: Literal[1] = 1
    title: str
    dataset: str
    split: str
    reference: Reference = "labels"
    classes: list[ClassInfo]
    models: dict[str, Judged] = Field(min_length=1)
    result: Result | None = None
    notes: list[str] = Field(default_factory=list[str])

    @property
    def judged(self) -> Judged:
        """The model that the report is about."""
        return list(self.models.values())[-1]


def write_report(
    qualities: Mapping[str, Quality],
    *,
    title: str,
    dataset: str,
    split: str,
    classes: Sequence[ClassInfo],
    names: Sequence[str],
    reference: Reference = "labels",
    result: Result | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Put down what was measured of models on one split. names: those of its images, in order."""
    return Report(
        title=title,
        dataset=dataset,
        split=split,
        reference=reference,
        classes=list(classes),
        models={model: Judged.of(quality, names) for model, quality in qualities.items()},
        result=result,
        notes=list(notes),
    )


def read_report(path: Path) -> Report:
    """Read `quality.json` of a run's folder, or a report that `bpkd evaluate --json` wrote. Raises InvalidInput."""
    file = path / QUALITY if path.is_dir() else path
    try:
        return Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read ({error.strerror}); expected the folder of a finished run."
        ) from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise InvalidInput(
            f"{file} is no quality report (at {where or 'its start'}: {error.errors()[0]['msg']}); expected the folder "
            "of a finished run, or what bpkd evaluate --json printed."
        ) from error


def save_report(report: Report, path: Path) -> None:
    """Write a report to a file that `read_report` reads."""
    write_atomically(path, report.model_dump_json().encode())


def _image_scores(quality: Quality, names: Sequence[str]) -> list[ImageScore]:
    mious, accuracies = miou(quality.per_image), pixel_accuracy(quality.per_image)
    sparse = {kind: [_sparse(counts_3C) for counts_3C in getattr(quality.per_image, kind)] for kind in OVERLAPS}
    return [
        ImageScore(
            name=name,
            miou=float(mious[index]),
            pixel_accuracy=float(accuracies[index]),
            **{kind: overlaps[index] for kind, overlaps in sparse.items()},
        )
        for index, name in enumerate(names)
    ]


def _sparse(counts_3C: Ints) -> Overlap:
    """The classes that occur, with their three counts."""
    present = np.flatnonzero(counts_3C.any(axis=0))
    agreed, true, predicted = counts_3C[:, present].tolist()
    return dict(zip(present.tolist(), zip(agreed, true, predicted, strict=True), strict=True))
