"""The methods' losses from their formulas, on NumPy float64 arrays, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from references.boundary import average_by_loops, edge_masks_by_loops


def softmax(scores: Sequence[float]) -> list[float]:
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def kl(teacher: Iterable[float], student: Iterable[float]) -> float:
    return sum(p * math.log(p / q) for p, q in zip(teacher, student, strict=True))


def pixel_kl(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """One pixel: scores of its C classes."""
    return temperature**2 * kl(softmax(list(teacher / temperature)), softmax(list(student / temperature)))


def kd(
    student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float = 2.0, ignore_index: int = 255
) -> float:
    images, _, height, width = student.shape
    share = average_by_loops((labels != ignore_index)[:, None].astype(float), (height, width))[:, 0]
    total = 0.0
    for n in range(images):
        for y in range(height):
            for x in range(width):
                total += share[n, y, x] * pixel_kl(student[n, :, y, x], teacher[n, :, y, x], temperature)
    return total / share.sum() if share.sum() > 0 else 0.0


def cwd(student: np.ndarray, teacher: np.ndarray, temperature: float = 4.0) -> float:
    images, classes = student.shape[:2]
    total = 0.0
    for n in range(images):
        for c in range(classes):
            ours, theirs = (softmax(list(z[n, c].flatten() / temperature)) for z in (student, teacher))
            total += temperature**2 / classes * kl(theirs, ours)
    return total / images


def bpkd_edge(
    student: np.ndarray,
    teacher: np.ndarray,
    masks: np.ndarray,
    temperature: float = 1.0,
    alpha: float = 2.0,
    pre_mask: str = "multiply",
    post_mask: bool = True,
    edge_norm: str = "class_sum",
    center: bool = False,
) -> float:
    """In the figure's order: pre-mask, softmax, KL, repeat over classes, post-mask, sum, alpha, over mask pixels."""
    images, classes, height, width = student.shape
    total = 0.0
    for n in range(images):
        phi = np.zeros((height, width))
        for y in range(height):
            for x in range(width):
                ours, theirs = student[n, :, y, x], teacher[n, :, y, x]
                if center:
                    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
                if pre_mask == "multiply":
                    ours, theirs = ours * masks[n, :, y, x], theirs * masks[n, :, y, x]
                phi[y, x] = pixel_kl(ours, theirs, temperature)
        sums, sizes = [], []
        for c in range(classes):
            mask = masks[n, c]
            if not post_mask:
                mask = np.ones_like(mask) if mask.any() else np.zeros_like(mask)
            sums.append(alpha * float((phi * mask).sum()))
            sizes.append(int((mask > 0).sum()))
        if edge_norm == "pixels":
            total += sum(sums) / max(1, sum(sizes))
            continue
        image = sum(s / max(1, size) for s, size in zip(sums, sizes, strict=True))
        present = sum(size > 0 for size in sizes)
        total += image / max(1, present) if edge_norm == "class_mean" else image
    return total / images


def bpkd_body(student: np.ndarray, teacher: np.ndarray, masks: np.ndarray, temperature: float = 1.0) -> float:
    return cwd(student * (1 - masks), teacher * (1 - masks), temperature)


def bpkd_masks(student: np.ndarray, labels: np.ndarray, width: int = 7, void: str = "transparent") -> np.ndarray:
    return edge_masks_by_loops(labels, student.shape[1], width, student.shape[2:], void=void)


def dist(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> tuple[float, float]:
    """Over the classes of each pixel, and over the pixels of each class."""
    images, classes, height, width = student.shape
    share = average_by_loops((labels != 255)[:, None].astype(float), (height, width))[:, 0]
    places = [(n, y, x) for n in range(images) for y in range(height) for x in range(width)]
    ours, theirs = ([softmax(list(z[n, :, y, x] / temperature)) for n, y, x in places] for z in (student, teacher))
    weights = [share[place] for place in places]
    if sum(weights) == 0:
        return 0.0, 0.0
    inter = sum(w * (1 - correlation(a, b)) for w, a, b in zip(weights, ours, theirs, strict=True)) / sum(weights)
    intra = sum(1 - correlation([p[c] for p in ours], [p[c] for p in theirs], weights) for c in range(classes))
    return temperature**2 * inter, temperature**2 * intra / classes


def correlation(a: Sequence[float], b: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Pearson's, of weighted samples; 0 where one of the two is constant."""
    weights = weights or [1.0] * len(a)
    mean_a, mean_b = (sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights) for values in (a, b))
    together = sum(w * (x - mean_a) * (y - mean_b) for w, x, y in zip(weights, a, b, strict=True))
    spread_a = sum(w * (x - mean_a) ** 2 for w, x in zip(weights, a, strict=True))
    spread_b = sum(w * (y - mean_b) ** 2 for w, y in zip(weights, b, strict=True))
    return together / math.sqrt(spread_a * spread_b) if spread_a * spread_b > 0 else 0.0


def resize_bilinear(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixel centres at half-integers, the frame repeated outward (align_corners=False)."""
    height, width = maps.shape[2:]
    result = np.zeros((*maps.shape[:2], *size))
    for i in range(size[0]):
        for j in range(size[1]):
            y = min(max((i + 0.5) * height / size[0] - 0.5, 0), height - 1)
            x = min(max((j + 0.5) * width / size[1] - 0.5, 0), width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = maps[..., top, left] * (1 - x + left) + maps[..., top, right] * (x - left)
            lower = maps[..., bottom, left] * (1 - x + left) + maps[..., bottom, right] * (x - left)
            result[:, :, i, j] = upper * (1 - y + top) + lower * (y - top)
    return result
