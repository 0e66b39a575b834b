"""Ratios of counts in which 0 / 0 stays undefined instead of turning into a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ratio(part: Any, whole: Any) -> Floats:
    """Quotient part / whole elementwise, NaN where whole is 0."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def iou(overlap: NDArray[Any]) -> Floats:
    """(..., 3, C) overlaps -> (..., C) intersection over union."""
    agreed, true, predicted = np.moveaxis(overlap, -2, 0)
    return ratio(agreed, true + predicted - agreed)


def mean_present(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is left."""
    return ratio(np.nan_to_num(values).sum(axis=-1), (~np.isnan(values)).sum(axis=-1))


def finite_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
