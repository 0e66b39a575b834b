"""The quality of models, drawn for people: in the terminal, and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from bpkd_core.bundle import Interval, write_atomically
from bpkd_core.data import SegmentationDataset
from bpkd_core.evaluation import Predict
from bpkd_core.report import Comparison, Report, draw_gallery, render_report
from bpkd_core.report.comparison import Spread
from bpkd_core.report.words import bounds, points, words
from service.cli.output import facts, percent, table

SHOWN = ("miou", "boundary_iou", "edge_miou", "body_miou")
BANDS_PX = (1, 3, 5, 10, 20)


def draw_quality(report: Report) -> RenderableType:
    """The measures of the model that a report is about."""
    judged, said = report.judged, words(report.reference)
    summary = {"images": f"{len(judged.images)} of {report.split}"}
    summary |= {said[name]: with_bounds(score) for name, score in judged.scores.items()}
    summary |= {
        said["trimap_miou"]: by_width({px: judged.trimap_miou[px] for px in BANDS_PX}),
        said["boundary_fscore"]: by_width(judged.boundary_fscore),
    }
    classes = [
        (info.name, with_bounds(judged.class_iou[info.id]), with_bounds(judged.class_boundary_iou[info.id]))
        for info in report.classes
    ]
    confusions = [(pair.true, pair.predicted, percent(pair.share)) for pair in judged.worst_edge_pairs]
    return Group(
        facts(summary),
        Text(),
        table(("class", said["class_iou"], said["class_boundary_iou"]), classes),
        Text("\nAt edges, most often confused:"),
        table((said["truth"], "predicted", f"share of {said['errors']}"), confusions),
    )


def draw_comparison(comparison: Comparison) -> RenderableType:
    """Every run, its differences from the first, and the groups of seeds where there are any."""
    said = words(comparison.reference)
    columns = ("run", *(said[name] for name in SHOWN), *(f"{said[name]}, difference" for name in SHOWN[:2]))
    rows = [
        (
            run.name,
            *(with_bounds(run.judged.scores[name]) for name in SHOWN),
            *(with_bounds(run.difference[name], signed=True) for name in SHOWN[:2]),
        )
        for run in comparison.runs
    ]
    drawn: list[RenderableType] = [table(columns, rows)]
    if comparison.has_seeds:
        groups = [
            (group.name, len(group.runs), *(with_spread(group.scores[name]) for name in SHOWN))
            for group in comparison.groups
        ]
        drawn += [Text("\nOver seeds, mean and standard deviation:"), table(("group", "runs", *columns[1:5]), groups)]
    return Group(*drawn)


def write_page(report: Report, data: SegmentationDataset, predict: Mapping[str, Predict], out: Path) -> None:
    """The report as one HTML file, with the images that are worth looking at."""
    write_atomically(out, render_report(report, gallery=draw_gallery(data, predict, report)).encode())


def with_bounds(interval: Interval, *, signed: bool = False) -> str:
    """`47.1 % (45.9 to 48.2)`, or `+1.1 (+0.7 to +1.5)`."""
    value = points(interval.value) if signed else percent(interval.value)
    inside = bounds(interval, signed=signed)
    return f"{value} ({inside})" if inside else value


def with_spread(spread: Spread) -> str:
    """`47.1 % ± 0.4`."""
    return percent(spread.mean) + ("" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}")


def by_width(scores: Mapping[int, Interval]) -> str:
    """`3 px 41.0 %, 5 px 47.2 %`."""
    return ", ".join(f"{width} px {percent(score.value)}" for width, score in scores.items())
