"""Edge masks as loops straight from the definition."""

from __future__ import annotations

import math

import numpy as np


def edge_masks_by_loops(
    labels: np.ndarray,
    num_classes: int,
    width: int = 7,
    size: tuple[int, int] | None = None,
    ignore_index: int = 255,
    void: str = "transparent",
) -> np.ndarray:
    """(N, H, W) integers to (N, C, h, w) float64, one window and one cell at a time."""
    images, height, w = labels.shape
    radius = width // 2
    edges = np.zeros((images, num_classes, height, w))
    for n in range(images):
        for y in range(height):
            for x in range(w):
                if void == "transparent" and labels[n, y, x] == ignore_index:
                    continue
                window = labels[n, max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
                seen = {int(value) for value in window.flatten()}
                if void == "transparent":
                    seen.discard(ignore_index)
                for c in range(num_classes):
                    dilated, eroded = c in seen and c != ignore_index, seen == {c}
                    edges[n, c, y, x] = float(dilated) - float(dilated and eroded)
    return edges if size is None else average_by_loops(edges, size)


def average_by_loops(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Adaptive average pooling: output i of n averages from floor(i * H / n) to ceil((i + 1) * H / n)."""
    height, width = maps.shape[2:]
    result = np.zeros((*maps.shape[:2], *size))
    for i in range(size[0]):
        rows = slice(math.floor(i * height / size[0]), math.ceil((i + 1) * height / size[0]))
        for j in range(size[1]):
            columns = slice(math.floor(j * width / size[1]), math.ceil((j + 1) * width / size[1]))
            result[:, :, i, j] = maps[:, :, rows, columns].mean((2, 3))
    return result
