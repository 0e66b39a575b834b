"""The quality of one network, class by class, drawn for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from service.cli.output import facts, percent, table


def draw_quality(report: Mapping[str, Any]) -> RenderableType:
    """The measures of :class:`bpkd_core.metrics.Quality` as JSON, with `split` and `miou_interval`."""
    low, high = report["miou_interval"]
    summary = {
        "images": f"{report['images']} of {report['split']}",
        "mIoU": f"{percent(report['miou'])} ({100 * low:.1f} to {100 * high:.1f})",
        "boundary IoU": percent(report["boundary_iou"]),
        "mIoU at edges": percent(report["edge_miou"]),
        "mIoU in bodies": percent(report["body_miou"]),
        "mean accuracy": percent(report["mean_accuracy"]),
        "pixel accuracy": percent(report["pixel_accuracy"]),
        "mIoU in bands": by_width(report["trimap_miou"]),
        "contour F-score": by_width(report["boundary_fscore"]),
    }
    scores = zip(report["class_names"], report["per_class_iou"], report["per_class_boundary_iou"], strict=True)
    classes = [(name, percent(iou), percent(boundary)) for name, iou, boundary in scores]
    confusions = [(pair["true"], pair["predicted"], percent(pair["share"])) for pair in report["worst_edge_pairs"]]
    return Group(
        facts(summary),
        Text(),
        table(("class", "IoU", "boundary IoU"), classes),
        Text("\nAt edges, most often confused:"),
        table(("truth", "predicted", "share of errors"), confusions),
    )


def by_width(scores: Mapping[str, float | None]) -> str:
    """`3 px 41.0 %, 5 px 47.2 %`."""
    return ", ".join(f"{width} px {percent(score)}" for width, score in scores.items())
