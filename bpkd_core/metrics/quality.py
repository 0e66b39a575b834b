"""The measures, as ratios of counts summed over a dataset.

Treatment of void and frame, by measure:

=====================  ==============================================  ================================================
measure                void                                            frame of the image
=====================  ==============================================  ================================================
mIoU, accuracies       not counted, whatever is predicted there        no role
Boundary IoU           transparent, in both masks (D)                  a contour, as in the authors' tool (D)
contour F-score        transparent, in both masks (D)                  no contour (D)
trimap bands           transparent (D)                                 no border (D)
edge and body          transparent, as in the loss (D)                 never an edge, as in the loss
=====================  ==============================================  ================================================

*Transparent*: a void pixel makes no border with its neighbours and lies in no band. A class that occurs neither in the
truth nor in the prediction has no IoU (NaN) and takes no part in a mean. Marks (D) as in docs/why.md: our decision.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bpkd_core.metrics.counts import CONTOUR_TOLERANCES_PX, TRIMAP_WIDTHS_PX, Counts, Ints, overlap_of
from bpkd_core.metrics.ratios import Floats, finite_or_none, iou, mean_present, ratio

Measure = Literal["miou", "boundary_iou"]


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

    `counts` holds the sums; `regions` and `boundaries` keep, per image, the overlaps behind mIoU and Boundary
    IoU (agreeing, true and predicted pixels per class), which is what a bootstrap over images needs.
    """

    class_names: tuple[str, ...]
    edge_width_px: int
    counts: Counts
    regions: Ints  # (N, 3, C)
    boundaries: Ints  # (N, 3, C)

    @property
    def images(self) -> int:
        """Images evaluated, all-void ones included."""
        return len(self.regions)

    @property
    def pixels(self) -> int:
        """Valid pixels."""
        return int(self.confusion.sum())

    @property
    def confusion(self) -> Ints:
        """(C, C) valid pixels; rows are the truth, columns the prediction."""
        return self.counts.confusion

    @property
    def per_class_iou(self) -> Floats:
        """(C,) intersection over union, pooled over images; NaN for a class that is absent."""
        return iou(self.counts.overlap)

    @property
    def miou(self) -> float:
        """Mean of `per_class_iou` over the classes present."""
        return float(mean_present(self.per_class_iou))

    @property
    def mean_accuracy(self) -> float:
        """Recall, averaged over the classes that occur in the truth."""
        agreed, true, _ = self.counts.overlap
        return float(mean_present(ratio(agreed, true)))

    @property
    def pixel_accuracy(self) -> float:
        """Share of valid pixels that are right."""
        return float(ratio(np.trace(self.confusion), self.confusion.sum()))

    @property
    def per_class_boundary_iou(self) -> Floats:
        """(C,) Boundary IoU (Cheng et al. 2021), pooled over images; NaN for a class that is absent.

        Each mask of a class is cut down to its pixels up to d from its contour, d = 0.02 of the image's diagonal,
        rounded, at least 1; distances are Chebyshev, as d erosions by 3x3 are.
        """
        return iou(self.counts.boundary)

    @property
    def boundary_iou(self) -> float:
        """Mean of `per_class_boundary_iou` over the classes present."""
        return float(mean_present(self.per_class_boundary_iou))

    @property
    def boundary_fscore(self) -> dict[int, float]:
        """Contour F-score by tolerance in px, after Csurka et al. 2013, a mean over the classes with a contour.

        A contour pixel touches another class (8-neighbours) and matches a contour pixel of its own class in the other
        mask at most `tolerance` away, Chebyshev (D). Precision and recall are pooled over images per class, not
        averaged over images (D), as IoU is.
        """
        return {px: float(mean_present(self._contour_fscore(px))) for px in CONTOUR_TOLERANCES_PX}

    @property
    def trimap_miou(self) -> dict[int, float]:
        """The mIoU inside a band around the true borders by its width in px, after Kohli et al. 2009.

        A band of width w holds the valid pixels whose nearest pixel of another class is at most w away, Chebyshev,
        thus w px on either side of a border (D).
        """
        cumulated_W3C = self.counts.trimap.cumsum(axis=0)
        return {px: float(mean_present(iou(cumulated_W3C[px - 1]))) for px in TRIMAP_WIDTHS_PX}

    @property
    def edge_miou(self) -> float:
        """The mIoU inside the loss's edge mask, the union over classes of E_c: where the k x k window is impure."""
        return float(mean_present(iou(overlap_of(self.counts.edge_confusion))))

    @property
    def body_miou(self) -> float:
        """The mIoU of the valid pixels outside the edge mask."""
        return float(mean_present(iou(overlap_of(self.confusion - self.counts.edge_confusion))))

    def worst_edge_pairs(self, limit: int = 10) -> tuple[ConfusedPair, ...]:
        """The commonest confusions inside the edge mask, most pixels first; shares are of its wrong pixels (D)."""
        wrong_CC = self.counts.edge_confusion.copy()
        np.fill_diagonal(wrong_CC, 0)
        order = np.argsort(-wrong_CC, axis=None, kind="stable")[:limit]
        cells = [divmod(int(flat), len(self.class_names)) for flat in order]
        total = int(wrong_CC.sum())
        return tuple(
            ConfusedPair(self.class_names[t], self.class_names[p], int(wrong_CC[t, p]), int(wrong_CC[t, p]) / total)
            for t, p in cells
            if wrong_CC[t, p]
        )

    def overlaps(self, measure: Measure) -> Ints:
        """(N, 3, C) overlaps per image whose sum over images gives the measure."""
        return {"miou": self.regions, "boundary_iou": self.boundaries}[measure]

    def to_dict(self) -> dict[str, Any]:
        """Every measure as JSON; None where it is undefined. Lists per class follow `class_names`."""
        numbers = ("miou", "mean_accuracy", "pixel_accuracy", "boundary_iou", "edge_miou", "body_miou")
        lists = ("per_class_iou", "per_class_boundary_iou")
        by_width = ("boundary_fscore", "trimap_miou")
        return {
            "images": self.images,
            "pixels": self.pixels,
            "class_names": list(self.class_names),
            "edge_width_px": self.edge_width_px,
            **{name: finite_or_none(getattr(self, name)) for name in numbers},
            **{name: [finite_or_none(value) for value in getattr(self, name)] for name in lists},
            **{name: {str(px): finite_or_none(v) for px, v in getattr(self, name).items()} for name in by_width},
            "confusion": self.confusion.tolist(),
            "worst_edge_pairs": [asdict(pair) for pair in self.worst_edge_pairs()],
        }

    def _contour_fscore(self, tolerance_px: int) -> Floats:
        true_DC, predicted_DC = self.counts.true_contour, self.counts.predicted_contour
        recall = ratio(true_DC[:tolerance_px].sum(axis=0), true_DC.sum(axis=0))
        precision = ratio(predicted_DC[:tolerance_px].sum(axis=0), predicted_DC.sum(axis=0))
        present = ~(np.isnan(recall) & np.isnan(precision))
        # A contour that only one mask has is a complete miss, not an undefined one.
        recall, precision = np.nan_to_num(recall), np.nan_to_num(precision)
        score = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
        return np.where(present, score, np.nan)
