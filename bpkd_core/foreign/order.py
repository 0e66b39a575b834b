"""Counts of (what the file says, what the label is), and the order of classes that explains them best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bpkd_core.data.base import IGNORE_INDEX, UInt8Array

Counts = NDArray[np.int64]


def count_pairs(
    scores_Khw: NDArray[np.float32], labels_HW: UInt8Array, covered_hw: tuple[int, int], num_classes: int
) -> Counts:
    """Pairs (K, C) of the winner of each cell and the label at the cell's centre.

    covered_hw: the size that the cells cover; where it is larger than the labels, the image was padded.
    """
    height, width = labels_HW.shape
    cells = scores_Khw.shape[1:]
    rows, columns = ((np.arange(n) + 0.5) * side / n for n, side in zip(cells, covered_hw, strict=True))
    rows, columns = rows[rows < height].astype(int), columns[columns < width].astype(int)
    said = scores_Khw.argmax(0)[: len(rows), : len(columns)]
    truth = labels_HW[np.ix_(rows, columns)]
    valid = (truth != IGNORE_INDEX) & (truth < num_classes)
    pairs = said[valid] * num_classes + truth[valid]
    size = len(scores_Khw) * num_classes
    return np.bincount(pairs, minlength=size).reshape(-1, num_classes)


def overlaps(counts: Counts) -> NDArray[np.float64]:
    """Intersection over union (K, C) of each class of the file with each of the dataset; 0 where there is neither."""
    union = counts.sum(1)[:, None] + counts.sum(0)[None] - counts
    return counts / np.maximum(union, 1)


def mean_overlap(counts: Counts, order: NDArray[np.int64] | None = None) -> float:
    """Mean IoU over the dataset's classes that are there; order: the file's class of each, their own index without."""
    present = np.flatnonzero(counts.sum(0))
    taken = present if order is None else order[present]
    return float(overlaps(counts)[taken, present].mean()) if len(present) else 0.0


def best_order(counts: Counts) -> NDArray[np.int64]:
    """The file's class of each class of the dataset, each taken once, with the largest sum of IoU; counts is (C, C).

    A class that nothing speaks about keeps its place where it can.
    """
    own = np.eye(len(counts)) * 1e-9
    return assign(-(overlaps(counts) + own).T)


def assign(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of each row of a square matrix, each taken once, with the smallest sum.

    The Hungarian method with potentials (Kuhn 1955; in the O(n^3) form of Jonker and Volgenant 1987): rows join one by
    one, each along the cheapest path that frees a column for it.
    """
    size = len(cost)
    of_row, of_column = np.zeros(size + 1), np.zeros(size + 1)
    row_at = np.zeros(size + 1, np.int64)  # the row that holds each column, counted from 1; 0 is nobody
    for row in range(1, size + 1):
        row_at[0], column = row, 0
        reach = np.full(size + 1, np.inf)
        came_from = np.zeros(size + 1, np.int64)
        visited = np.zeros(size + 1, bool)
        while row_at[column]:
            visited[column] = True
            here = row_at[column]
            step = cost[here - 1] - of_row[here] - of_column[1:]
            nearer = np.flatnonzero(~visited[1:] & (step < reach[1:])) + 1
            reach[nearer], came_from[nearer] = step[nearer - 1], column
            free = np.where(visited, np.inf, reach)
            following = int(free.argmin())
            delta = free[following]
            of_row[row_at[visited]] += delta
            of_column[visited] -= delta
            reach[~visited] -= delta
            column = following
        while column:
            previous = came_from[column]
            row_at[column], column = row_at[previous], previous
    columns = np.zeros(size, np.int64)
    columns[row_at[1:] - 1] = np.arange(size)
    return columns


def likely_map(counts: Counts) -> dict[int, int]:
    """For a file with other classes: the class of the dataset that each of its classes mostly lies on."""
    said = np.flatnonzero(counts.sum(1))
    return {int(index): int(counts[index].argmax()) for index in said}
