"""Quality of a segmentation, computed from masks alone.

Teacher, control, student and an exported ONNX file all go through :func:`evaluate_masks`, so their numbers compare.

::

    geometry     distances to a label border, square windows, NumPy only
    counts       one image -> integer counts, which add up over a dataset
    ratios       quotients in which 0 / 0 stays undefined
    quality      counts -> mIoU, Boundary IoU, contour F-score, trimap bands, edge and body mIoU
    evaluation   pairs of masks -> Quality
    intervals    bootstrap over images: one model, two models, the gap closed by distillation
"""

from bpkd_core.metrics.evaluation import evaluate_masks
from bpkd_core.metrics.intervals import Interval, bootstrap_miou, difference, gap_closed
from bpkd_core.metrics.quality import ConfusedPair, Measure, Quality

__all__ = [
    "ConfusedPair",
    "Interval",
    "Measure",
    "Quality",
    "bootstrap_miou",
    "difference",
    "evaluate_masks",
    "gap_closed",
]
