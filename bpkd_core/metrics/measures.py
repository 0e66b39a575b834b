"""The measures: ratios of the counts of a :class:`Tally`, along whatever leading axes it has.

Treatment of void and frame, by measure:

=====================  ==============================================  ================================================
measure                void                                            frame of the image
=====================  ==============================================  ================================================
mIoU, accuracies       not counted, whatever is predicted there        no role
Boundary IoU           transparent, in both masks (D)                  a contour, as in the authors' tool (C)
contour F-score        transparent, in both masks (D)                  no contour (D)
trimap bands           transparent (D)                                 no border (D)
edge and body          transparent, as in the loss (D)                 never an edge, as in the loss
=====================  ==============================================  ================================================

*Transparent*: a void pixel makes no border with its neighbours and lies in no band. A class that occurs neither in the
truth nor in the prediction has no IoU (NaN) and takes no part in a mean. Marks as in docs/why.md: D is our decision.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpkd_core.errors import UnknownName
from bpkd_core.metrics.counts import CONTOUR_TOLERANCES_PX, TRIMAP_WIDTHS_PX, Tally
from bpkd_core.metrics.ratios import Floats, iou, mean_present, ratio

Measure = Callable[[Tally], Floats]


def class_iou(tally: Tally) -> Floats:
    """(..., C) intersection over union, pooled over images; NaN for a class that is absent."""
    return iou(tally.region)


def miou(tally: Tally) -> Floats:
    """Mean of `class_iou` over the classes present."""
    return mean_present(class_iou(tally))


def mean_accuracy(tally: Tally) -> Floats:
    """Recall, averaged over the classes that occur in the truth."""
    return mean_present(ratio(tally.region[..., 0, :], tally.region[..., 1, :]))


def pixel_accuracy(tally: Tally) -> Floats:
    """Share of valid pixels that are right."""
    return ratio(tally.region[..., 0, :].sum(axis=-1), tally.region[..., 1, :].sum(axis=-1))


def class_boundary_iou(tally: Tally) -> Floats:
    """(..., C) Boundary IoU (Cheng et al. 2021), pooled over images; NaN for a class that is absent.

    Each mask of a class is cut down to its pixels up to d from its contour, d = 0.02 of the image's diagonal, rounded,
    at least 1; distances are Chebyshev, as d erosions by 3x3 are.
    """
    return iou(tally.boundary)


def boundary_iou(tally: Tally) -> Floats:
    """Mean of `class_boundary_iou` over the classes present."""
    return mean_present(class_boundary_iou(tally))


def edge_miou(tally: Tally) -> Floats:
    """The mIoU inside the loss's edge mask, the union over classes of E_c: where the k x k window is impure."""
    return mean_present(iou(tally.edge))


def body_miou(tally: Tally) -> Floats:
    """The mIoU of the valid pixels outside the edge mask."""
    return mean_present(iou(tally.region - tally.edge))


def trimap_miou(tally: Tally) -> Floats:
    """(..., 20) the mIoU inside a band around the true borders, for widths of 1 ... 20 px, after Kohli et al. 2009.

    A band of width w holds the valid pixels whose nearest pixel of another class is at most w away, Chebyshev, thus
    w px on either side of a border (D).
    """
    return mean_present(iou(tally.trimap.cumsum(axis=-3)))


def boundary_fscore(tally: Tally) -> Floats:
    """(..., 4) contour F-score at 1, 2, 3, 5 px, after Csurka et al. 2013, a mean over the classes with a contour.

    A contour pixel touches another class (8-neighbours) and matches a contour pixel of its own class in the other
    mask at most `tolerance` away, Chebyshev (D). Precision and recall are pooled over images per class, not averaged
    over images (D), as IoU is.
    """
    at = [px - 1 for px in CONTOUR_TOLERANCES_PX]
    recall, precision = (
        ratio(contour.cumsum(axis=-2)[..., at, :], contour.sum(axis=-2, keepdims=True).repeat(len(at), axis=-2))
        for contour in (tally.true_contour, tally.predicted_contour)
    )
    present = ~(np.isnan(recall) & np.isnan(precision))
    # A contour that only one mask has is a complete miss, not an undefined one.
    recall, precision = np.nan_to_num(recall), np.nan_to_num(precision)
    score = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return mean_present(np.where(present, score, np.nan))


def _at(measure: Measure, index: int) -> Measure:
    return lambda tally: measure(tally)[..., index]


MEASURES: dict[str, Measure] = {
    each.__name__: each for each in (miou, mean_accuracy, pixel_accuracy, boundary_iou, edge_miou, body_miou)
}
"""The measures that are one number, by name; of the curves each point: `trimap_miou_3px`, `boundary_fscore_1px`."""
MEASURES |= {f"trimap_miou_{px}px": _at(trimap_miou, index) for index, px in enumerate(TRIMAP_WIDTHS_PX)}
MEASURES |= {f"boundary_fscore_{px}px": _at(boundary_fscore, index) for index, px in enumerate(CONTOUR_TOLERANCES_PX)}


def get_measure(name: str) -> Measure:
    """The measure with this name. Raises UnknownName."""
    if name not in MEASURES:
        raise UnknownName.among("measure", name, MEASURES, param="measure")
    return MEASURES[name]
