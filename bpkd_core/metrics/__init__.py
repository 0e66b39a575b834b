"""Quality of a segmentation, computed from masks alone.

Teacher, control, student and an exported ONNX file all go through :func:`evaluate_masks`, so their numbers compare.

::

    geometry     distances to a label border, square windows, NumPy only
    counts       one image -> integer counts, which add up over a dataset
    ratios       quotients in which 0 / 0 stays undefined
    measures     counts -> mIoU, Boundary IoU, contour F-score, trimap bands, edge and body mIoU
    quality      all of them, of one model on one dataset
    evaluation   pairs of masks -> Quality
    intervals    bootstrap over images: one model, two models, the gap closed by distillation
"""

from bpkd_core.metrics.evaluation import evaluate_masks
from bpkd_core.metrics.intervals import difference, gap_closed, interval, intervals
from bpkd_core.metrics.measures import MEASURES
from bpkd_core.metrics.quality import ConfusedPair, Quality

__all__ = [
    "MEASURES",
    "ConfusedPair",
    "Quality",
    "difference",
    "evaluate_masks",
    "gap_closed",
    "interval",
    "intervals",
]
