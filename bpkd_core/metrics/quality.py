"""How well masks agree with the truth over a dataset: every measure of `bpkd_core.metrics.measures` as a number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpkd_core.metrics import measures
from bpkd_core.metrics.counts import CONTOUR_TOLERANCES_PX, TRIMAP_WIDTHS_PX, Ints, Tally
from bpkd_core.metrics.ratios import Floats

SCORES = ("miou", "mean_accuracy", "pixel_accuracy", "boundary_iou", "edge_miou", "body_miou")


@dataclass(frozen=True)
class ConfusedPair:
    """Pixels of class `true` that were called `predicted`; `share` is their part of all wrong pixels looked at."""

    true: str
    predicted: str
    pixels: int
    share: float


@dataclass(frozen=True, eq=False)
class Quality:
    """How well masks agree with the truth over a dataset. All measures lie in 0...1; NaN means undefined.

    confusion: (C, C) valid pixels; rows are the truth, columns the prediction. edge_confusion: the same inside the
    loss's edge mask. per_image: the counts of each image (leading axis N), which a bootstrap over images draws from.
    """

    class_names: tuple[str, ...]
    edge_width_px: int
    confusion: Ints
    edge_confusion: Ints
    per_image: Tally

    @property
    def images(self) -> int:
        """Images evaluated, all-void ones included."""
        return len(self.per_image.region)

    @property
    def pixels(self) -> int:
        """Valid pixels."""
        return int(self.confusion.sum())

    @cached_property
    def total(self) -> Tally:
        """The counts summed over images."""
        return self.per_image.map(lambda counts: counts.sum(axis=0, dtype=np.int64))

    @property
    def per_class_iou(self) -> Floats:
        """(C,) see `measures.class_iou`."""
        return measures.class_iou(self.total)

    @property
    def miou(self) -> float:
        """Mean of `per_class_iou` over the classes present."""
        return float(measures.miou(self.total))

    @property
    def mean_accuracy(self) -> float:
        """Recall, averaged over the classes that occur in the truth."""
        return float(measures.mean_accuracy(self.total))

    @property
    def pixel_accuracy(self) -> float:
        """Share of valid pixels that are right."""
        return float(measures.pixel_accuracy(self.total))

    @property
    def per_class_boundary_iou(self) -> Floats:
        """(C,) see `measures.class_boundary_iou`."""
        return measures.class_boundary_iou(self.total)

    @property
    def boundary_iou(self) -> float:
        """Mean of `per_class_boundary_iou` over the classes present."""
        return float(measures.boundary_iou(self.total))

    @property
    def boundary_fscore(self) -> dict[int, float]:
        """Contour F-score by tolerance in px, see `measures.boundary_fscore`."""
        return dict(zip(CONTOUR_TOLERANCES_PX, measures.boundary_fscore(self.total).tolist(), strict=True))

    @property
    def trimap_miou(self) -> dict[int, float]:
        """The mIoU inside a band around the true borders by its width in px, see `measures.trimap_miou`."""
        return dict(zip(TRIMAP_WIDTHS_PX, measures.trimap_miou(self.total).tolist(), strict=True))

    @property
    def edge_miou(self) -> float:
        """The mIoU inside the loss's edge mask."""
        return float(measures.edge_miou(self.total))

    @property
    def body_miou(self) -> float:
        """The mIoU of the valid pixels outside the edge mask."""
        return float(measures.body_miou(self.total))

    def worst_edge_pairs(self, limit: int = 10) -> tuple[ConfusedPair, ...]:
        """The commonest confusions inside the edge mask, most pixels first; shares are of its wrong pixels (D)."""
        wrong_CC = self.edge_confusion.copy()
        np.fill_diagonal(wrong_CC, 0)
        order = np.argsort(-wrong_CC, axis=None, kind="stable")[:limit]
        cells = [divmod(int(flat), len(self.class_names)) for flat in order]
        total = int(wrong_CC.sum())
        return tuple(
            ConfusedPair(self.class_names[t], self.class_names[p], int(wrong_CC[t, p]), int(wrong_CC[t, p]) / total)
            for t, p in cells
            if wrong_CC[t, p]
        )
