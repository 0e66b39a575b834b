"""N reports side by side: differences from the first, paired over images, and spread over the seeds of one recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from bpkd_core.bundle import ClassInfo, Interval, Number, Value
from bpkd_core.errors import InvalidInput, UnknownName
from bpkd_core.metrics.counts import Ints
from bpkd_core.metrics.intervals import quantiles, resample
from bpkd_core.metrics.ratios import Floats, iou, mean_present
from bpkd_core.report.document import Judged, Reference, Report
from bpkd_core.report.naming import group_of

DIFFERENCES = {"miou": "region", "boundary_iou": "boundary", "edge_miou": "edge"}
"""Measures that are compared image by image, and the counts of an image that they are made of."""


class Compared(Value):
    """One run. group: its name without its seed. model: which of its report's models is meant.

    difference, class_difference: this run minus the first, with paired intervals; a reason where they cannot be paired.
    """

    name: str
    group: str
    model: str
    judged: Judged
    difference: dict[str, Interval]
    class_difference: list[Interval]
    gap_closed: Interval | None = None


class Spread(Value):
    """A number over the runs of a group. deviation: standard deviation over them (n - 1), None for one run."""

    mean: Number
    deviation: Number
    low: Number
    high: Number


class Group(Value):
    """Runs that differ by their seed only, as their names say."""

    name: str
    runs: list[str]
    scores: dict[str, Spread]
    boundary_fscore: dict[int, Spread]
    trimap_miou: dict[int, Spread]
    class_iou: list[Spread]


class Comparison(Value):
    """Runs in the order in which they were named; differences are from the first."""

    format: Literal[1] = 1
    split: str
    reference: Reference
    classes: list[ClassInfo]
    runs: list[Compared]
    groups: list[Group]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON, without what each image contributes."""
        return self.model_dump(mode="json", exclude={"runs": {"__all__": {"judged": {"images"}}}})

    @property
    def has_seeds(self) -> bool:
        """Whether any group holds several runs."""
        return len(self.groups) < len(self.runs)


def compare_reports(reports: Mapping[str, Report], *, model: str | None = None) -> Comparison:
    """Compare reports by name. model: which model of each; by default the last, which a report is about.

    Raises InvalidInput for reports of other classes, another split or another reference, UnknownName for a model that
    a report does not have.
    """
    if not reports:
        raise InvalidInput("Found no report to compare, expected at least one.")
    first, *others = reports.items()
    for name, report in others:
        _check_comparable(first, (name, report))
    base = _pick(*first, model)[1]
    runs = [_compare(name, report, model, base, first[0]) for name, report in reports.items()]
    names = list(dict.fromkeys(run.group for run in runs))
    return Comparison(
        split=first[1].split,
        reference=first[1].reference,
        classes=first[1].classes,
        runs=runs,
        groups=[_summarise(name, [run for run in runs if run.group == name]) for name in names],
    )


def _check_comparable(first: tuple[str, Report], other: tuple[str, Report]) -> None:
    (a_name, a), (b_name, b) = first, other
    facts: dict[str, Callable[[Report], str]] = {
        "classes": lambda report: ", ".join(each.name for each in report.classes),
        "split": lambda report: report.split,
        "reference": lambda report: report.reference,
    }
    for what, fact in facts.items():
        if fact(a) != fact(b):
            raise InvalidInput(
                f"{a_name} was judged with the {what} {fact(a)}, {b_name} with {fact(b)}; compare reports of one "
                "dataset and one split."
            )


def _pick(name: str, report: Report, model: str | None) -> tuple[str, Judged]:
    chosen = model or list(report.models)[-1]
    if chosen not in report.models:
        raise UnknownName.among(f"model of {name}", chosen, report.models, param="model")
    return chosen, report.models[chosen]


def _compare(name: str, report: Report, model: str | None, base: Judged, base_name: str) -> Compared:
    chosen, judged = _pick(name, report, model)
    difference, class_difference = _differences(judged, base, base_name)
    is_student = report.result is not None and chosen == "student"
    return Compared(
        name=name,
        group=group_of(name),
        model=chosen,
        judged=judged,
        difference=difference,
        class_difference=class_difference,
        gap_closed=report.result.gap_closed if report.result and is_student else None,
    )


def _differences(judged: Judged, base: Judged, base_name: str) -> tuple[dict[str, Interval], list[Interval]]:
    ours, theirs = judged.overlaps("region"), base.overlaps("region")
    if not np.array_equal(ours[:, 1], theirs[:, 1]):  # true pixels per image and class: a fingerprint of the truth
        unpaired = Interval(reason=f"It was judged on other images than {base_name}, so the two cannot be paired.")
        return dict.fromkeys(DIFFERENCES, unpaired), [unpaired] * len(judged.class_iou)
    difference = {
        measure: _paired(
            judged.overlaps(kind), base.overlaps(kind), lambda counts: mean_present(iou(counts))[..., None]
        )[0]
        for measure, kind in DIFFERENCES.items()
    }
    return difference, _paired(ours, theirs, iou)


def _paired(ours: Ints, theirs: Ints, measure: Callable[[Floats | Ints], Floats]) -> list[Interval]:
    """Differences in a measure (..., K), K intervals, on the same draws of images."""
    values = measure(ours.sum(axis=0)) - measure(theirs.sum(axis=0))
    draws = measure(resample(ours)) - measure(resample(theirs))
    bounds = map(quantiles, draws.T)
    return [Interval(value=value, low=low, high=high) for value, (low, high) in zip(values, bounds, strict=True)]


def _summarise(name: str, runs: Sequence[Compared]) -> Group:
    judged = [run.judged for run in runs]

    def over(pick: Callable[[Judged], Mapping[int, Interval]]) -> dict[int, Spread]:
        return {px: _spread([pick(each)[px] for each in judged]) for px in pick(judged[0])}

    return Group(
        name=name,
        runs=[run.name for run in runs],
        scores={score: _spread([each.scores[score] for each in judged]) for score in judged[0].scores},
        boundary_fscore=over(lambda each: each.boundary_fscore),
        trimap_miou=over(lambda each: each.trimap_miou),
        class_iou=[_spread(column) for column in zip(*(each.class_iou for each in judged), strict=True)],
    )


def _spread(intervals: Sequence[Interval]) -> Spread:
    values = [each.value for each in intervals if each.value is not None]
    if not values:
        return Spread(mean=None, deviation=None, low=None, high=None)
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), deviation=deviation, low=min(values), high=max(values))
