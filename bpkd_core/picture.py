"""The picture of a run: image | truth | teacher | control | student | error map, one image a row."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bpkd_core.bundle import ClassInfo, Reference
from bpkd_core.data import IGNORE_INDEX, Sample, SegmentationDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.evaluation import Predict

WRONG, GAINED, LOST, RIGHT, VOID = (200, 30, 40), (31, 119, 200), (255, 165, 40), (245, 245, 245), (150, 150, 150)
"""Told apart by those, too, who do not see red and green."""
EXAMPLES = 5
ROW_HEIGHT = 180
GAP = 4
INK, PAPER = (40, 40, 40), (255, 255, 255)


class Words(NamedTuple):
    """What the columns and the colours of the error map are called."""

    truth: str
    errors: str
    right: str
    wrong: str


def draw_examples(data: SegmentationDataset, masks: Mapping[str, Predict], reference: Reference) -> bytes:
    """The picture of a run: images spread evenly over the split, chosen by nothing else.

    A teacher that is the reference has one column, not two that are the same.
    """
    rows = [int(row) for row in np.linspace(0, len(data) - 1, min(EXAMPLES, len(data)))]
    samples = [data[row] for row in rows]
    drawn = {
        role: [predict(data.names[row], sample.image_HW3) for row, sample in zip(rows, samples, strict=True)]
        for role, predict in masks.items()
        if role != reference
    }
    return draw_comparison(samples, drawn, data.classes, reference)


WORDS: Mapping[Reference, Words] = {
    "labels": Words("truth", "errors", "right", "wrong"),
    "teacher": Words("teacher", "differences", "the same", "different"),
}
"""Against a teacher nothing is right or wrong."""


def draw_comparison(
    samples: Sequence[Sample],
    masks: Mapping[str, Sequence[UInt8Array]],
    classes: Sequence[ClassInfo],
    reference: Reference = "labels",
) -> bytes:
    """PNG bytes of a table of pictures.

    masks: role -> one (H, W) mask for each sample, in the order of the columns; the last role is the one whose errors
    are mapped, against "control" where there is one. Pixels without a label are grey. reference: whose masks the
    samples hold.
    """
    *_, judged = masks
    words = WORDS[reference]
    titles = ["image", words.truth, *masks, f"{words.errors} of the {judged}"]
    rows = [
        [
            sample.image_HW3,
            paint(sample.labels_HW, classes),
            *(paint(column[index], classes) for column in masks.values()),
            paint_errors(
                sample.labels_HW, masks[judged][index], masks["control"][index] if "control" in masks else None
            ),
        ]
        for index, sample in enumerate(samples)
    ]
    legend = [(c.name, c.color) for c in classes]
    errors = [(words.right, RIGHT), (words.wrong, WRONG)]
    if "control" in masks:
        errors = [
            (words.right, RIGHT),
            (f"both {words.wrong}", WRONG),
            (f"only the student {words.right}", GAINED),
            (f"only the control {words.right}", LOST),
        ]
    return _lay_out(titles, rows, [legend, [*errors, ("no label", VOID)]])


def paint(labels_HW: UInt8Array, classes: Sequence[ClassInfo]) -> UInt8Array:
    """Class ids to their colours (H, W, 3); void and unknown ids are grey."""
    table = np.full((256, 3), VOID, np.uint8)
    for info in classes:
        table[info.id] = info.color
    return table[labels_HW]


def paint_errors(truth_HW: UInt8Array, mask_HW: UInt8Array, control_HW: UInt8Array | None) -> UInt8Array:
    """Where a mask is right or wrong and, with a control, who of the two."""
    right = mask_HW == truth_HW
    painted = np.where(right[..., None], np.array(RIGHT, np.uint8), np.array(WRONG, np.uint8))
    if control_HW is not None:
        painted[right & (control_HW != truth_HW)] = GAINED
        painted[~right & (control_HW == truth_HW)] = LOST
    painted[truth_HW == IGNORE_INDEX] = VOID
    return painted


def _lay_out(
    titles: Sequence[str],
    rows: Sequence[Sequence[UInt8Array]],
    legends: Sequence[Sequence[tuple[str, tuple[int, int, int]]]],
) -> bytes:
    height, width = rows[0][0].shape[:2]
    cell = (round(ROW_HEIGHT * width / height), ROW_HEIGHT)
    font = ImageFont.load_default(size=14)
    line = 22
    total = (len(titles) * (cell[0] + GAP) + GAP, line + len(rows) * (cell[1] + GAP) + GAP + len(legends) * line)
    page = Image.new("RGB", total, PAPER)
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        left = GAP + column * (cell[0] + GAP)
        draw.text((left, 3), title, INK, font)
        for row, pictures in enumerate(rows):
            resample = Image.Resampling.BILINEAR if column == 0 else Image.Resampling.NEAREST
            page.paste(Image.fromarray(pictures[column]).resize(cell, resample), (left, line + row * (cell[1] + GAP)))
    top = total[1] - len(legends) * line
    for number, legend in enumerate(legends):
        _draw_legend(draw, legend, top + number * line, font)
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    legend: Sequence[tuple[str, tuple[int, int, int]]],
    top: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left = float(GAP)
    for name, colour in legend:
        draw.rectangle((left, top + 4, left + 12, top + 16), colour, INK)
        draw.text((left + 17, top + 2), name, INK, font)
        left += 17 + draw.textlength(name, font) + 14
