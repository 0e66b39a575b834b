"""The images that are worth looking at: where the judged model is worst, and where it differs most from the control."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import SegmentationDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.evaluation import Predict
from bpkd_core.picture import GAINED, LOST, RIGHT, VOID, WRONG, paint, paint_errors
from bpkd_core.report.document import Report
from bpkd_core.report.words import percent, points, words

PICTURE_WIDTH = 320
WORST, DIFFERENT = 6, 3
MAX_BYTES = 2_000_000  # of all pictures of a page, as they are written
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Row:
    """One image: its name, its scores in words, and its pictures as (title, data URI)."""

    name: str
    caption: str
    pictures: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Gallery:
    """Rows under their headings, and what the colours of masks and of error maps mean."""

    sections: Mapping[str, Sequence[Row]]
    classes: Sequence[ClassInfo]
    errors: Sequence[tuple[str, Colour]]


def draw_gallery(data: SegmentationDataset, predict: Mapping[str, Predict], report: Report) -> Gallery:
    """Ask the models of a report again for a few masks, and draw them.

    predict: for each model of the report where its masks come from. The pages stays small: pictures are 320 px wide,
    and rows beyond two megabytes are left out.
    """
    room = MAX_BYTES
    shown: set[int] = set()
    sections: dict[str, list[Row]] = {}
    for heading, indices in choose(report).items():
        for index in indices:
            row, seen = _draw(index, data, predict, report)
            room -= sum(len(uri) for _, uri in row.pictures)
            if room < 0:
                break
            sections.setdefault(heading, []).append(row)
            shown |= seen
    return Gallery(sections, [each for each in report.classes if each.id in shown], _error_colours(report))


def choose(report: Report) -> dict[str, list[int]]:
    """Numbers of images by heading; the share of wrong pixels decides, since that is what an error map shows."""
    said = words(report.reference)
    judged = np.array([_number(image.pixel_accuracy) for image in report.judged.images])
    chosen = {f"Most {said['wrong']}": _lowest(judged, WORST)}
    if len(report.models) > 1 and "control" in report.models:
        control = np.array([_number(image.pixel_accuracy) for image in report.models["control"].images])
        gain = judged - control
        chosen["Most gained over the control"] = [each for each in _lowest(-gain, DIFFERENT) if gain[each] > 0]
        chosen["Most lost against the control"] = [each for each in _lowest(gain, DIFFERENT) if gain[each] < 0]
    return chosen


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _lowest(scores: np.ndarray, number: int) -> list[int]:
    """Positions of the lowest scores; an image without a labelled pixel has none."""
    order = np.argsort(scores, kind="stable")  # NaN comes last
    return [int(index) for index in order[:number] if np.isfinite(scores[index])]


def _draw(
    index: int, data: SegmentationDataset, predict: Mapping[str, Predict], report: Report
) -> tuple[Row, set[int]]:
    sample, name = data[index], data.names[index]
    masks = {model: ask(name, sample.image_HW3) for model, ask in predict.items()}
    *_, judged = masks.values()
    errors = paint_errors(sample.labels_HW, judged, masks.get("control") if len(masks) > 1 else None)
    pictures = [
        ("image", picture_uri(sample.image_HW3, "JPEG")),
        (words(report.reference)["truth"], picture_uri(paint(sample.labels_HW, data.classes), "PNG")),
        *((model, picture_uri(paint(mask, data.classes), "PNG")) for model, mask in masks.items()),
        (words(report.reference)["errors"], picture_uri(errors, "PNG")),
    ]
    seen = {int(value) for mask in (sample.labels_HW, *masks.values()) for value in np.unique(mask)}
    return Row(name, _caption(index, report), pictures), seen


def _caption(index: int, report: Report) -> str:
    """`31.2 % wrong pixels (control 33.0, −1.8)`."""
    wrong = {model: 1 - _number(judged.images[index].pixel_accuracy) for model, judged in report.models.items()}
    *_, ours = wrong.values()
    said = f"{percent(ours)} % {words(report.reference)['wrong']}"
    if "control" in wrong and len(wrong) > 1:
        said += f" (control {percent(wrong['control'])}, {points(ours - wrong['control'])})"
    return said


def _error_colours(report: Report) -> list[tuple[str, Colour]]:
    right, none = words(report.reference)["right"], ("no label", VOID)
    if "control" in report.models and len(report.models) > 1:
        judged = list(report.models)[-1]
        return [
            (right, RIGHT),
            (f"only the {judged} {right}", GAINED),
            (f"only the control {right}", LOST),
            ("neither", WRONG),
            none,
        ]
    return [(right, RIGHT), ("does not", WRONG) if report.reference == "teacher" else ("wrong", WRONG), none]


def picture_uri(pixels_HW3: UInt8Array, kind: str) -> str:
    """A small picture as part of a page. kind: "JPEG" for photographs; masks are "PNG" and keep their hard borders."""
    height, width = pixels_HW3.shape[:2]
    image, resample = Image.fromarray(pixels_HW3), Image.Resampling.NEAREST
    if kind == "JPEG":
        resample = Image.Resampling.BILINEAR
    if width > PICTURE_WIDTH:
        image = image.resize((PICTURE_WIDTH, max(1, round(height * PICTURE_WIDTH / width))), resample)
    file = io.BytesIO()
    image.save(file, kind, quality=80, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
