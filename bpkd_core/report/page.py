"""Reports as one HTML file each: styles, charts and pictures inside, no script, no network.

Names of classes, files and runs are data: the templates and the charts escape every one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bpkd_core.bundle import Interval
from bpkd_core.report.charts import Bar, Line, bar_chart, heat_map, line_chart
from bpkd_core.report.comparison import Comparison, Spread
from bpkd_core.report.curves import Curve
from bpkd_core.report.document import Judged, Report
from bpkd_core.report.gallery import Gallery
from bpkd_core.report.words import bounds, percent, points, words

HEAT_CLASSES = 20
Near = Literal["trimap_miou", "boundary_fscore"]
"""Measures that are curves over the distance from a border."""

CURVES = {
    "val_miou": "{miou} on the validation split",
    "ce": "cross-entropy",
    "distillation": "distillation, weighted",
    "loss": "loss, all terms",
}
"""What is drawn of a training, in this order."""


def render_report(report: Report, *, gallery: Gallery | None = None, curves: Sequence[Curve] = ()) -> str:
    """The page of a report. gallery and curves add their sections."""
    said = words(report.reference)
    models = dict(reversed(report.models.items()))  # the judged model comes first, and has the first colour
    page = _environment().get_template("report.html")
    return page.render(
        report=report,
        said=said,
        models=models,
        judged=report.judged,
        gallery=gallery,
        curves=draw_curves(curves, said["miou"]),
        bands=draw_bands(lines_of(models, "trimap_miou"), said["trimap_miou"]),
        fscores=draw_fscores(lines_of(models, "boundary_fscore"), said["boundary_fscore"]),
        bars=draw_classes(report, models, said["class_iou"], boundary=False),
        boundary_bars=draw_classes(report, models, said["class_boundary_iou"], boundary=True),
        heat=draw_confusion(report, edges=True),
        full_heat=draw_confusion(report, edges=False),
        heat_classes=HEAT_CLASSES,
    )


def render_comparison(comparison: Comparison) -> str:
    """The page of a comparison."""
    said = words(comparison.reference)
    page = _environment().get_template("comparison.html")
    return page.render(
        comparison=comparison,
        said=said,
        bands=draw_bands(compared_lines(comparison, "trimap_miou"), said["trimap_miou"]),
        fscores=draw_fscores(compared_lines(comparison, "boundary_fscore"), said["boundary_fscore"]),
    )


def draw_curves(curves: Sequence[Curve], miou: str) -> list[Markup]:
    """What the trainings of a run measured, a chart for each number; the student first, as everywhere."""
    order = ("student", "control", "teacher")
    found = sorted(curves, key=lambda curve: order.index(curve.model) if curve.model in order else len(order))
    charts: list[Markup] = []
    for name, title in CURVES.items():
        lines = [Line(curve.model, curve.steps, curve.values) for curve in found if curve.name == name]
        if any(len(line.xs) > 1 for line in lines):
            say = percent if name == "val_miou" else "{:.3g}".format
            charts.append(
                line_chart(
                    lines, title=title.format(miou=miou), x_label="step", y_label="%" if say is percent else "", say=say
                )
            )
    return charts


def draw_bands(lines: Sequence[Line], measure: str) -> Markup:
    """The mIoU near borders by the width of the band."""
    return line_chart(lines, title=f"{measure} around borders, by its width", x_label="px on either side", y_label="%")


def draw_fscores(lines: Sequence[Line], measure: str) -> Markup:
    """The contour F-score by tolerance."""
    return line_chart(lines, title=f"{measure}, by tolerance", x_label="px", y_label="%")


def lines_of(models: Mapping[str, Judged], near: Near) -> list[Line]:
    """One line for each model, with intervals."""
    return [_line(name, getattr(judged, near)) for name, judged in models.items()]


def compared_lines(comparison: Comparison, near: Near) -> list[Line]:
    """One line for each run, or for each group with the range of its seeds."""
    if comparison.has_seeds:
        return [_spread_line(group.name, getattr(group, near)) for group in comparison.groups]
    return lines_of({run.name: run.judged for run in comparison.runs}, near)


def draw_classes(report: Report, models: dict[str, Judged], measure: str, *, boundary: bool) -> Markup:
    """A group of bars for each class."""
    series = [
        (name, [_bar(each) for each in (judged.class_boundary_iou if boundary else judged.class_iou)])
        for name, judged in models.items()
    ]
    return bar_chart([each.name for each in report.classes], series, title=f"{measure} of each class, %")


def draw_confusion(report: Report, *, edges: bool) -> Markup:
    """Who is taken for whom by the judged model: all classes, or those with the most wrong pixels."""
    counts = np.array(report.judged.edge_confusion if edges else report.judged.confusion)
    wrong = counts - np.diag(counts.diagonal())
    busiest = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:HEAT_CLASSES]
    kept = np.sort(busiest)
    return heat_map(
        [report.classes[index].name for index in kept],
        counts[np.ix_(kept, kept)].tolist(),
        title=f"Confusion {'at edges' if edges else 'everywhere'}, % of a row's pixels",
        row_of="edge pixels" if edges else "pixels",
    )


def _line(name: str, curve: dict[int, Interval]) -> Line:
    values = list(curve.values())
    return Line(name, list(curve), [v.value for v in values], [v.low for v in values], [v.high for v in values])


def _spread_line(name: str, curve: dict[int, Spread]) -> Line:
    values = list(curve.values())
    return Line(name, list(curve), [v.mean for v in values], [v.low for v in values], [v.high for v in values])


def _bar(interval: Interval) -> Bar:
    return Bar(interval.value, interval.low, interval.high)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bpkd_core.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"percent": percent, "points": points, "bounds": bounds, "colour": _css}
    environment.filters |= filters
    return environment


def _css(colour: tuple[int, int, int]) -> str:
    return "rgb({},{},{})".format(*colour)
