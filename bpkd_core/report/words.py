"""How measures are called on a page, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.bundle import Interval
from bpkd_core.report.document import Reference

DASH = "–"

_ACCURACY = {
    "truth": "truth",
    "miou": "mIoU",
    "boundary_iou": "boundary IoU",
    "edge_miou": "mIoU at edges",
    "body_miou": "mIoU in bodies",
    "mean_accuracy": "mean accuracy",
    "pixel_accuracy": "pixel accuracy",
    "class_iou": "IoU",
    "class_boundary_iou": "boundary IoU",
    "trimap_miou": "mIoU in the band",
    "boundary_fscore": "contour F-score",
    "wrong": "wrong pixels",
    "right": "right",
    "errors": "errors",
    "grey": "Grey is right; red is wrong",
    "flawless": "No pixel at an edge is wrong.",
}
_AGREEMENT = {
    "truth": "teacher's prediction",
    "miou": "mIoU agreement",
    "boundary_iou": "boundary agreement (IoU)",
    "edge_miou": "mIoU agreement at edges",
    "body_miou": "mIoU agreement in bodies",
    "mean_accuracy": "mean class agreement",
    "pixel_accuracy": "pixel agreement",
    "class_iou": "IoU agreement",
    "class_boundary_iou": "boundary agreement (IoU)",
    "trimap_miou": "mIoU agreement in the band",
    "boundary_fscore": "contour agreement (F-score)",
    "wrong": "pixels that differ",
    "right": "agrees",
    "errors": "differences",
    "grey": "Grey agrees; red does not",
    "flawless": "No pixel at an edge differs.",
}


def words(reference: Reference) -> Mapping[str, str]:
    """Names of the measures: masks that were compared with a teacher's have agreement, never accuracy."""
    return _ACCURACY if reference == "labels" else _AGREEMENT


def percent(value: float | None) -> str:
    """`47.1`, in percent without its sign; a dash for what is undefined."""
    return DASH if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """`+1.1`: a difference, in percentage points."""
    return DASH if value is None else f"{100 * value:+.1f}".replace("-", "−")


def bounds(interval: Interval, *, signed: bool = False) -> str:
    """`45.9 to 48.2`; empty where there is none."""
    if interval.low is None or interval.high is None:
        return ""
    say = points if signed else percent
    return f"{say(interval.low)} to {say(interval.high)}"
