"""From one pair of masks to integer counts. Counts add up over images; every measure is a ratio of such sums.

Overlaps have three rows per class: pixels where prediction and truth agree, true pixels, predicted pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpkd_core.metrics.geometry import Distances, Labels, border_distance, class_distance, within_frame

Ints = NDArray[np.int64]
Numbers = NDArray[Any]

TRIMAP_WIDTHS_PX = range(1, 21)
CONTOUR_TOLERANCES_PX = (1, 2, 3, 5)
BOUNDARY_RATIO = 0.02  # of the diagonal, Cheng et al. 2021


@dataclass(frozen=True, eq=False)
class Tally:
    """What every measure but the confusions is a ratio of. Leading axes are free: none for one image or a sum, N for
    the images of a dataset, S for the draws of a bootstrap.
    """

    region: Numbers  # (..., 3, C) overlap of all valid pixels
    edge: Numbers  # (..., 3, C) overlap inside the loss's edge mask
    boundary: Numbers  # (..., 3, C) overlap of the Boundary IoU bands
    trimap: Numbers  # (..., 20, 3, C) overlap of the pixels exactly 1, 2, ... 20 px from a true border
    true_contour: Numbers  # (..., 6, C) true contour pixels, 1 ... 5 px or farther from a predicted one of their class
    predicted_contour: Numbers  # (..., 6, C) the other way round

    def map(self, change: Callable[[Numbers], Numbers]) -> Tally:
        """The same change to every array."""
        return Tally(*(change(getattr(self, field.name)) for field in fields(self)))

    @staticmethod
    def stack(tallies: Sequence[Tally]) -> Tally:
        """Images to a dataset: a new first axis, in half the memory (an image has less than 2^31 pixels)."""
        return Tally(*(np.stack([getattr(t, f.name) for t in tallies], dtype=np.int32) for f in fields(Tally)))


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of one image."""

    confusion: Ints  # (C, C), rows are the truth, columns the prediction
    edge_confusion: Ints  # (C, C), the same inside the loss's edge mask
    tally: Tally


def overlap_of(confusion: Ints) -> Ints:
    """(3, C) overlap that a confusion matrix (C, C) implies."""
    return np.stack([confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)])


def boundary_width_px(height: int, width: int) -> int:
    """Width d of the Boundary IoU band: 0.02 of the diagonal, rounded, at least 1."""
    return max(1, round(BOUNDARY_RATIO * math.hypot(height, width)))


def count_image(predicted_HW: Labels, true_HW: Labels, num_classes: int, *, edge_width_px: int) -> Counts:
    """Counts of one image. Both maps hold the id `num_classes` exactly where the truth is void."""
    boundary_px, edge_px = boundary_width_px(*true_HW.shape), edge_width_px // 2
    true_limit_px = max(boundary_px, edge_px, TRIMAP_WIDTHS_PX[-1])
    from_true_HW = border_distance(true_HW, void=num_classes, limit_px=true_limit_px)
    from_predicted_HW = border_distance(predicted_HW, void=num_classes, limit_px=boundary_px)
    true_band_HW = _kept(true_HW, within_frame(from_true_HW <= boundary_px, boundary_px), num_classes)
    predicted_band_HW = _kept(predicted_HW, within_frame(from_predicted_HW <= boundary_px, boundary_px), num_classes)
    true_contour_HW = _kept(true_HW, from_true_HW == 1, num_classes)
    predicted_contour_HW = _kept(predicted_HW, from_predicted_HW == 1, num_classes)
    edge_HW = from_true_HW <= edge_px
    confusion = _joint(predicted_HW, true_HW, num_classes)[:-1, :-1]
    edge_confusion = _joint(predicted_HW[edge_HW], true_HW[edge_HW], num_classes)[:-1, :-1]
    tally = Tally(
        region=overlap_of(confusion),
        edge=overlap_of(edge_confusion),
        # A pixel in one band only is void in the other: it counts in a sum over rows or columns, never as agreement.
        boundary=overlap_of(_joint(predicted_band_HW, true_band_HW, num_classes))[:, :-1],
        trimap=_trimap_overlap(predicted_HW, true_HW, from_true_HW, num_classes),
        true_contour=_contour_matches(true_contour_HW, predicted_contour_HW, num_classes),
        predicted_contour=_contour_matches(predicted_contour_HW, true_contour_HW, num_classes),
    )
    return Counts(confusion, edge_confusion, tally)


def _joint(predicted: Labels, true: Labels, num_classes: int) -> Ints:
    """(C + 1, C + 1) pixels by true (rows) and predicted id; the last row and column are void."""
    cells = true.astype(np.intp) * (num_classes + 1) + predicted
    counts = np.bincount(cells.ravel(), minlength=(num_classes + 1) ** 2)
    return counts.reshape(num_classes + 1, num_classes + 1)


def _trimap_overlap(predicted_HW: Labels, true_HW: Labels, distance_HW: Distances, num_classes: int) -> Ints:
    """(W, 3, C) overlap by exact distance to the true border; void is farther than every band."""
    widths = len(TRIMAP_WIDTHS_PX)
    inside_HW = distance_HW <= widths
    bins = (distance_HW[inside_HW].astype(np.intp) - 1) * num_classes
    true, predicted = true_HW[inside_HW], predicted_HW[inside_HW]
    cells = ((bins + true)[true == predicted], bins + true, bins + predicted)
    sums = [np.bincount(cell, minlength=widths * num_classes).reshape(widths, num_classes) for cell in cells]
    return np.stack(sums, axis=1)


def _kept(labels_HW: Labels, where_HW: NDArray[np.bool_], void: int) -> Labels:
    """The labels where asked, void elsewhere."""
    return np.where(where_HW, labels_HW, labels_HW.dtype.type(void))


def _contour_matches(from_HW: Labels, to_HW: Labels, num_classes: int) -> Ints:
    limit_px = CONTOUR_TOLERANCES_PX[-1]
    labels_P, distance_P = class_distance(from_HW, to_HW, void=num_classes, limit_px=limit_px)
    bins_P = (distance_P - 1) * num_classes + labels_P
    return np.bincount(bins_P, minlength=(limit_px + 1) * num_classes).reshape(limit_px + 1, num_classes)
