"""The losses on features from their formulas, on NumPy float64 arrays, one cell at a time. Void is 255."""

from __future__ import annotations

import math

import numpy as np

from references.boundary import average_by_loops
from references.methods import kl, softmax

Cell = tuple[int, int, int]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    length = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / length if length > 0 else 0.0


def unit(a: np.ndarray) -> np.ndarray:
    return a / math.sqrt(float(a @ a))


def cells(maps: np.ndarray) -> list[Cell]:
    images, _, height, width = maps.shape
    return [(n, y, x) for n in range(images) for y in range(height) for x in range(width)]


def labelled_share(labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return average_by_loops((labels != 255)[:, None].astype(float), (size[0], size[1]))[:, 0]


def label_at(labels: np.ndarray, size: tuple[int, ...], cell: Cell) -> int:
    """The label of the pixel that holds the middle of the cell."""
    n, y, x = cell
    height, width = labels.shape[1:]
    return int(labels[n, int((y + 0.5) * height / size[0]), int((x + 0.5) * width / size[1])])


def nodes(features: np.ndarray, share: np.ndarray, side: int) -> list[list[tuple[np.ndarray, float]]]:
    """For each image its nodes: the mean feature of a square, and the square's share of labelled pixels."""
    images, _, height, width = features.shape
    result: list[list[tuple[np.ndarray, float]]] = [[] for _ in range(images)]
    for n in range(images):
        for y in range(0, height, side):
            for x in range(0, width, side):
                maps, weights = features[n, :, y : y + side, x : x + side], share[n, y : y + side, x : x + side]
                result[n].append(((maps * weights).mean((1, 2)), float(weights.mean())))
    return result


def skd_pair(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, side: int = 2) -> float:
    share = labelled_share(labels, student.shape[2:])
    total, weights = 0.0, 0.0
    for ours, theirs in zip(nodes(student, share, side), nodes(teacher, share, side), strict=True):
        for i, (_, weight_i) in enumerate(ours):
            for j, (_, weight_j) in enumerate(ours):
                gap = cosine(ours[i][0], ours[j][0]) - cosine(theirs[i][0], theirs[j][0])
                total += weight_i * weight_j * gap**2
                weights += weight_i * weight_j
    return total / weights if weights > 0 else 0.0


def ifvd_variation(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray) -> float:
    size = student.shape[2:]
    labelled = [(cell, label_at(labels, size, cell)) for cell in cells(student) if label_at(labels, size, cell) != 255]
    total = 0.0
    for (n, y, x), label in labelled:
        nearness = []
        for maps in (student, teacher):
            mates = [maps[n, :, b, c] for (image, b, c), other in labelled if (image, other) == (n, label)]
            nearness.append(cosine(maps[n, :, y, x], np.mean(mates, axis=0)))
        total += (nearness[0] - nearness[1]) ** 2
    return total / max(1, len(labelled))


def mgd(
    student: np.ndarray,
    teacher: np.ndarray,
    labels: np.ndarray,
    visible: np.ndarray,
    align: tuple[np.ndarray, np.ndarray] | None,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
) -> float:
    """visible: (N, h, w). Each layer is (weights, bias)."""
    share = labelled_share(labels, student.shape[2:])
    hidden = (student if align is None else convolve(student, *align)) * visible[:, None]
    generated = convolve(np.maximum(convolve(hidden, *first), 0), *second)
    return sum(
        share[n, y, x] * float(((generated - teacher)[n, :, y, x] ** 2).sum()) for n, y, x in cells(student)
    ) / len(student)


def convolve(maps: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Stride 1, zeros around, the size kept."""
    radius = weights.shape[2] // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (radius, radius), (radius, radius)))
    result = np.zeros((len(maps), len(weights), *maps.shape[2:]))
    for n, y, x in cells(maps):
        window = padded[n, :, y : y + weights.shape[2], x : x + weights.shape[3]]
        for channel in range(len(weights)):
            result[n, channel, y, x] = (window * weights[channel]).sum() + bias[channel]
    return result


def cirkd_batch(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float = 0.1) -> float:
    """Squares of 2 x 2 cells of each image against those of each image; a square that is all void is in no softmax."""
    share = labelled_share(labels, student.shape[2:])
    ours, theirs = nodes(student, share, 2), nodes(teacher, share, 2)
    images, total, weights = len(student), 0.0, 0.0
    for one in range(images):
        for anchor, (_, weight) in enumerate(ours[one]):
            for other in range(images):
                kept = [k for k, (_, labelled) in enumerate(ours[other]) if labelled > 0]
                if weight > 0 and kept:
                    mine, taught = (
                        softmax([cosine(each[one][anchor][0], each[other][k][0]) / temperature for k in kept])
                        for each in (ours, theirs)
                    )
                    total += weight * kl(taught, mine) / images
            weights += weight
    return total / weights if weights > 0 else 0.0


def cirkd_memory(
    student: np.ndarray,
    teacher: np.ndarray,
    labels: np.ndarray,
    memory: np.ndarray,
    project: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    temperature: float = 0.1,
) -> float:
    """memory: (K, D) unit vectors. project: first layer, scale and shift of the norm over the batch, second layer."""
    first, scale, shift, second = project
    share = labelled_share(labels, student.shape[2:])
    places = cells(student)
    hidden = np.array([first @ student[n, :, y, x] for n, y, x in places])
    hidden = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5) * scale + shift
    total = 0.0
    for (n, y, x), row in zip(places, hidden, strict=True):
        projected = second @ np.maximum(row, 0)
        mine, taught = (
            softmax([cosine(each, vector) / temperature for vector in memory])
            for each in (projected, teacher[n, :, y, x])
        )
        total += share[n, y, x] * kl(taught, mine)
    return total / share.sum() if share.sum() > 0 else 0.0
