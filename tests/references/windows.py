"""Sliding windows as loops over pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def slide(
    score: Callable[[np.ndarray], np.ndarray],
    image_HW3: np.ndarray,
    window_hw: tuple[int, int],
    stride_hw: tuple[int, int],
) -> np.ndarray:
    """The mean scores (C, H, W) over all windows that hold a pixel, in float64."""
    height, width = image_HW3.shape[:2]
    tops, lefts = starts(height, window_hw[0], stride_hw[0]), starts(width, window_hw[1], stride_hw[1])
    seen: dict[tuple[int, int], list[np.ndarray]] = {}
    for top in tops:
        for left in lefts:
            part = image_HW3[top : top + window_hw[0], left : left + window_hw[1]]
            scores = score(part).astype(np.float64)
            for y in range(part.shape[0]):
                for x in range(part.shape[1]):
                    seen.setdefault((top + y, left + x), []).append(scores[:, y, x])
    mean = np.zeros((len(next(iter(seen.values()))[0]), height, width))
    for (y, x), values in seen.items():
        mean[:, y, x] = sum(values) / len(values)
    return mean


def starts(length: int, window: int, stride: int) -> list[int]:
    """Every stride from 0 while a whole window fits, and one more at the end if that leaves pixels out."""
    if length <= window:
        return [0]
    found = []
    start = 0
    while start + window < length:
        found.append(start)
        start += stride
    return [*found, length - window]
