"""How sure a number is: 95 % percentile bootstrap over images.

Whole images are drawn, since pixels of one image are no independent samples. Models that are compared are judged on
the same draws, so that hard images weigh alike for all. A draw that misses a class averages over the others (D).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bpkd_core.errors import InvalidInput
from bpkd_core.metrics.quality import Measure, Quality
from bpkd_core.metrics.ratios import Floats, finite_or_none, iou, mean_present

TAIL = 0.025  # on either side


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval; None where undefined, and then `reason` says why in one sentence."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The interval as JSON."""
        return asdict(self)


def bootstrap_miou(quality: Quality, *, samples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of mIoU: (low, high), both NaN when no valid pixel was seen."""
    return _quantiles(_draws(quality, "miou", samples, seed))


def difference(a: Quality, b: Quality, measure: Measure = "miou", *, samples: int = 1000, seed: int = 0) -> Interval:
    """Paired interval of a - b in mIoU or mean Boundary IoU.

    Raises:
        InvalidInput: the two were not evaluated on the same masks in the same order, or `measure` is unknown.
    """
    _check_paired(a, b)
    if measure not in ("miou", "boundary_iou"):
        raise InvalidInput(f'measure is "{measure}", expected "miou" or "boundary_iou".', param="measure")
    value = _value(a, measure) - _value(b, measure)
    if not np.isfinite(value):
        return Interval(None, None, None, "There is no valid pixel to compare on.")
    low, high = _quantiles(_draws(a, measure, samples, seed) - _draws(b, measure, samples, seed))
    return Interval(value, low, high)


def gap_closed(teacher: Quality, control: Quality, student: Quality, *, samples: int = 1000, seed: int = 0) -> Interval:
    """Part of the gap in mIoU from control to teacher that the student closed: (S - C) / (T - C), paired.

    0 is the control, 1 the teacher; below 0 distillation hurt, above 1 the student passed its teacher. Undefined when
    the teacher is no better than the control. When that holds in more than 2.5 % of the draws the ratio has no
    bounded 95 % interval: `value` stands, `low` and `high` are None (D).

    Raises:
        InvalidInput: the three were not evaluated on the same masks in the same order.
    """
    _check_paired(teacher, control)
    _check_paired(teacher, student)
    gap = teacher.miou - control.miou
    if not gap > 0:
        return Interval(None, None, None, _no_gap(teacher.miou, control.miou))
    value = (student.miou - control.miou) / gap
    draws = np.stack([_draws(quality, "miou", samples, seed) for quality in (teacher, control, student)])
    teachers, controls, students = draws[:, np.isfinite(draws).all(axis=0)]
    ahead = teachers > controls
    behind = 1 - ahead.mean()
    if behind > TAIL:
        reason = f"The teacher does not beat the control in {behind:.1%} of the draws, so the ratio has no bounds."
        return Interval(value, None, None, reason)
    low, high = _quantiles((students - controls)[ahead] / (teachers - controls)[ahead])
    return Interval(value, low, high)


def _no_gap(teacher_miou: float, control_miou: float) -> str:
    if finite_or_none(teacher_miou) is None or finite_or_none(control_miou) is None:
        return "There is no valid pixel to compare on."
    return (
        f"The teacher's mIoU {teacher_miou:.4f} is not above the control's {control_miou:.4f}, so there is no gap "
        f"to close; train the teacher further or choose a better one."
    )


def _draws(quality: Quality, measure: Measure, samples: int, seed: int) -> Floats:
    """(samples,) the measure on resampled images. The same seed and number of images give the same draws."""
    if samples < 1:
        raise InvalidInput(f"samples is {samples}, expected at least 1.", param="samples")
    images = quality.images
    weights_SN = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=samples)
    overlaps_N3C = quality.overlaps(measure)
    # float64 multiplies fast and holds sums of pixels exactly, up to 2^53.
    totals = weights_SN.astype(float) @ overlaps_N3C.reshape(images, -1).astype(float)
    return mean_present(iou(totals.reshape(samples, *overlaps_N3C.shape[1:])))


def _quantiles(draws: Floats) -> tuple[float, float]:
    defined = draws[np.isfinite(draws)]  # a draw of all-void images says nothing
    if defined.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, (TAIL, 1 - TAIL))
    return float(low), float(high)


def _value(quality: Quality, measure: Measure) -> float:
    return quality.miou if measure == "miou" else quality.boundary_iou


def _check_paired(a: Quality, b: Quality) -> None:
    """True pixels per image and class are a fingerprint of the truth."""
    if not np.array_equal(a.regions[:, 1], b.regions[:, 1]):
        raise InvalidInput(
            f"The two evaluations ({a.images} and {b.images} images) saw different true masks; evaluate both models "
            f"on the same images in the same order."
        )
