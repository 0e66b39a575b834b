"""Every measure of quality as its definition reads: sets of pixels, one pixel and one window at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

VOID = 255
Pair = tuple[np.ndarray, np.ndarray]
Keep = Callable[[np.ndarray, np.ndarray, int, int], bool]


def window_labels(mask: np.ndarray, true: np.ndarray, y: int, x: int, radius: int) -> set[int]:
    """Labels at valid pixels of the clipped square window."""
    rows, columns = slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1)
    return set(mask[rows, columns][true[rows, columns] != VOID].tolist())


def valid_pixels(true: np.ndarray) -> list[tuple[int, int]]:
    return [(int(y), int(x)) for y, x in np.argwhere(true != VOID)]


def mean_iou(sets: Sequence[tuple[set, set]]) -> float:
    """Mean over the classes that occur of the IoU of two sets of (image, y, x)."""
    return mean([len(p & t) / len(p | t) for p, t in sets if p | t])


def mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else math.nan


def class_sets(pairs: Sequence[Pair], classes: int, keep_predicted: Keep, keep_true: Keep) -> list[tuple[set, set]]:
    """Per class, the predicted and the true pixels for which keep(mask, true, y, x) holds."""
    sets: list[tuple[set, set]] = [(set(), set()) for _ in range(classes)]
    for index, (predicted, true) in enumerate(pairs):
        for y, x in valid_pixels(true):
            if keep_predicted(predicted, true, y, x):
                sets[predicted[y, x]][0].add((index, y, x))
            if keep_true(predicted, true, y, x):
                sets[true[y, x]][1].add((index, y, x))
    return sets


def confusion(pairs: Sequence[Pair], classes: int, keep: Keep = lambda *_: True) -> np.ndarray:
    counts = np.zeros((classes, classes), int)
    for predicted, true in pairs:
        for y, x in valid_pixels(true):
            counts[true[y, x], predicted[y, x]] += keep(predicted, true, y, x)
    return counts


def region_miou(pairs: Sequence[Pair], classes: int, keep: Keep = lambda *_: True) -> float:
    return mean_iou(class_sets(pairs, classes, keep, keep))


def in_true_band(radius: int) -> Keep:
    return lambda predicted, true, y, x: len(window_labels(true, true, y, x, radius)) > 1


def boundary_iou(pairs: Sequence[Pair], classes: int) -> float:
    def near(mask: np.ndarray, true: np.ndarray, y: int, x: int) -> bool:
        height, width = mask.shape
        d = max(1, round(0.02 * math.hypot(height, width)))
        at_frame = min(y, x, height - 1 - y, width - 1 - x) < d
        return at_frame or len(window_labels(mask, true, y, x, d)) > 1

    return mean_iou(class_sets(pairs, classes, near, lambda predicted, true, y, x: near(true, true, y, x)))


def boundary_fscore(pairs: Sequence[Pair], classes: int, tolerance_px: int) -> float:
    def on_contour(mask: np.ndarray, true: np.ndarray, y: int, x: int) -> bool:
        return len(window_labels(mask, true, y, x, 1)) > 1

    def matched(some: set, others: set) -> int:
        return sum(
            any(i == j and max(abs(y - v), abs(x - u)) <= tolerance_px for j, v, u in others) for i, y, x in some
        )

    scores = []
    for predicted, true in class_sets(pairs, classes, on_contour, lambda _, true, y, x: on_contour(true, true, y, x)):
        if predicted or true:
            precision = matched(predicted, true) / len(predicted) if predicted else 0
            recall = matched(true, predicted) / len(true) if true else 0
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0)
    return mean(scores)
