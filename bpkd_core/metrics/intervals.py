"""How sure a number is: 95 % percentile bootstrap over images.

Whole images are drawn, since pixels of one image are no independent samples. Models that are compared are judged on
the same draws, so that hard images weigh alike for all. A draw that misses a class averages over the others (D).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bpkd_core.bundle import Interval
from bpkd_core.errors import InvalidInput
from bpkd_core.metrics.counts import Numbers, Tally
from bpkd_core.metrics.measures import Measure, get_measure
from bpkd_core.metrics.quality import Quality
from bpkd_core.metrics.ratios import Floats, finite_or_none

TAIL = 0.025  # on either side
SAMPLES = 1000
NOTHING = "There is no valid pixel to compare on."


def interval(quality: Quality, measure: str = "miou", *, samples: int = SAMPLES, seed: int = 0) -> Interval:
    """A measure of :data:`bpkd_core.metrics.measures.MEASURES` with its interval. Raises UnknownName, InvalidInput."""
    (found,) = intervals(quality, get_measure(measure), samples=samples, seed=seed)
    return found


def intervals(quality: Quality, measure: Measure, *, samples: int = SAMPLES, seed: int = 0) -> list[Interval]:
    """The same for a measure of several numbers, such as `trimap_miou` or `class_iou`: one interval for each."""
    values, draws = measure(quality.total), measure(redraw(quality, samples, seed)).reshape(samples, -1)
    return [
        Interval(value=value, low=low, high=high)
        for value, (low, high) in zip(values.ravel().tolist(), map(quantiles, draws.T), strict=True)
    ]


def difference(a: Quality, b: Quality, measure: str = "miou", *, samples: int = SAMPLES, seed: int = 0) -> Interval:
    """Paired interval of a - b in a measure of :data:`bpkd_core.metrics.measures.MEASURES`.

    Raises:
        InvalidInput: the two were not evaluated on the same masks in the same order, or `measure` is unknown.
    """
    _check_paired(a, b)
    of = get_measure(measure)
    value = float(of(a.total) - of(b.total))
    if not np.isfinite(value):
        return Interval(reason=NOTHING)
    low, high = quantiles(of(redraw(a, samples, seed)) - of(redraw(b, samples, seed)))
    return Interval(value=value, low=low, high=high)


def gap_closed(
    teacher: Quality,
    control: Quality,
    student: Quality,
    measure: str = "miou",
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Interval:
    """Part of the gap from control to teacher that the student closed: (S - C) / (T - C), paired.

    0 is the control, 1 the teacher; below 0 distillation hurt, above 1 the student passed its teacher. Undefined when
    the teacher is no better than the control. When that holds in more than 2.5 % of the draws the ratio has no
    bounded 95 % interval: `value` stands, `low` and `high` are None (D).

    Raises:
        InvalidInput: the three were not evaluated on the same masks in the same order, or `measure` is unknown.
    """
    _check_paired(teacher, control)
    _check_paired(teacher, student)
    of, three = get_measure(measure), (teacher, control, student)
    top, base, reached = (float(of(quality.total)) for quality in three)
    if not top > base:
        return Interval(reason=_no_gap(measure, top, base))
    value = (reached - base) / (top - base)
    draws = np.stack([of(redraw(quality, samples, seed)) for quality in three])
    teachers, controls, students = draws[:, np.isfinite(draws).all(axis=0)]
    ahead = teachers > controls
    behind = 1 - ahead.mean()
    if behind > TAIL:
        reason = f"The teacher does not beat the control in {behind:.1%} of the draws, so the ratio has no bounds."
        return Interval(value=value, reason=reason)
    low, high = quantiles((students - controls)[ahead] / (teachers - controls)[ahead])
    return Interval(value=value, low=low, high=high)


@lru_cache(maxsize=4)  # teacher, control and student are looked at by every measure, on the same draws
def redraw(quality: Quality, samples: int = SAMPLES, seed: int = 0) -> Tally:
    """The counts of resampled datasets (leading axis `samples`). The same seed and images give the same draws.

    Raises InvalidInput for less than one sample.
    """
    return quality.per_image.map(lambda counts: resample(counts, samples, seed))


def resample(counts_N: Numbers, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """Counts (N, ...) of the images of a dataset to their sums (S, ...) over redrawn datasets. Raises InvalidInput."""
    if samples < 1:
        raise InvalidInput(f"samples is {samples}, expected at least 1.", param="samples")
    images = len(counts_N)
    weights_SN = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=samples)
    # float64 multiplies fast and holds sums of pixels exactly, up to 2^53
    totals = weights_SN.astype(float) @ counts_N.reshape(images, -1).astype(float)
    return totals.reshape(samples, *counts_N.shape[1:])


def quantiles(draws: Floats) -> tuple[float, float]:
    """The ends of the 95 % interval of (S,) draws, both NaN where none is defined."""
    defined = draws[np.isfinite(draws)]  # a draw of all-void images says nothing
    if defined.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, (TAIL, 1 - TAIL))
    return float(low), float(high)


def _no_gap(measure: str, teacher: float, control: float) -> str:
    if finite_or_none(teacher) is None or finite_or_none(control) is None:
        return NOTHING
    name = {"miou": "mIoU"}.get(measure, measure)
    return (
        f"The teacher's {name} {teacher:.4f} is not above the control's {control:.4f}, so there is no gap "
        f"to close; train the teacher further or choose a better one."
    )


def _check_paired(a: Quality, b: Quality) -> None:
    """True pixels per image and class are a fingerprint of the truth."""
    if not np.array_equal(a.per_image.region[:, 1], b.per_image.region[:, 1]):
        raise InvalidInput(
            f"The two evaluations ({a.images} and {b.images} images) saw different true masks; evaluate both models "
            f"on the same images in the same order."
        )
