"""Counting, in every cell of a label map, the pixels on each class's edge: most cells at once, the others by rounds.

A pixel is on an edge where the smallest and the largest label of its window differ, and then on the edge of every
label in the window. Take the smallest label A and the largest B that a cell sees. Most cells see no third one: what is
on an edge there is on that of A and on that of B, and one count gives both. Elsewhere a window holds A where its
smallest label is A, and B where its largest is B; both are counted and taken out, and the rest is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from bpkd_core.cells import Cells, Labels, slide

Places = NDArray[np.intp]
Found = tuple[Places, Labels, Labels]
"""Cells, as places in the flattened (N, h, w); a label that each sees; how many of its pixels are on its edge."""


def count_bands(codes_NHW: Labels, cells: Cells, width_px: int) -> Iterator[Found]:
    """Count for each cell and label, which come together once at most; counts may be 0.

    codes_NHW: labels in an unsigned type, whose largest number is void: it makes no edge and carries none.
    width_px: side of the square window, odd, clipped at the frame.
    """
    void, radius = np.iinfo(codes_NHW.dtype).max, width_px // 2
    below, right = (radius + overhang for overhang in cells.overhang)
    padded_NHW = np.pad(codes_NHW, ((0, 0), (radius, below), (radius, right)), constant_values=void)
    _, height, width = codes_NHW.shape
    low_NHW, above_NHW = (each[:, :height, :width] for each in _extremes(padded_NHW, width_px, (1, 2)))
    least_Nhw = cells.least(cells.split(low_NHW, void))
    most_Nhw = cells.most(cells.split(above_NHW, 0)) - codes_NHW.dtype.type(1)
    third_Nhw = _sees_between(padded_NHW, cells, radius, least_Nhw, most_Nhw, (height, width))
    edge = cells.split((above_NHW - low_NHW != 1) & (codes_NHW != void), False)
    count_Nhw = cells.count(edge)
    where_K = ((count_Nhw > 0) & ~third_Nhw).ravel().nonzero()[0]
    for label_Nhw in (least_Nhw, most_Nhw):
        yield where_K, label_Nhw.ravel()[where_K], count_Nhw.ravel()[where_K]
    where_K = third_Nhw.ravel().nonzero()[0]
    patches, edges = _patches(padded_NHW, edge, cells, radius, where_K)
    yield from _count_patches(patches, edges, where_K, width_px)


def _extremes(values: Labels, width_px: int, axes: tuple[int, int]) -> tuple[Labels, Labels]:
    """The smallest label of each window, and one more than its largest.

    The smallest passes over void, the type's largest number; one more wraps it around to 0, and the largest passes
    over it too. Of nothing but void they are void and one more than void: no edge.
    """
    return slide(values, width_px, axes, np.minimum), slide(values + values.dtype.type(1), width_px, axes, np.maximum)


def _sees_between(
    padded_NHW: Labels, cells: Cells, radius: int, least_Nhw: Labels, most_Nhw: Labels, image_hw: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether a cell, or the `radius` pixels around it, has a label between the two: (N, h, w).

    What surrounds a cell is what lies on it when the image is moved by up to `radius`; steps of a cell's side suffice.
    Counted from the first label that may lie between, all that are smaller than it wrap around to the far end.
    """
    down, along = (sorted({*range(0, 2 * radius, side), 2 * radius}) for side in cells.smallest)
    void, one = np.iinfo(padded_NHW.dtype).max, padded_NHW.dtype.type(1)
    first, room_Nhw = cells.spread(least_Nhw + one), most_Nhw - least_Nhw - one
    moved = (padded_NHW[:, y : y + image_hw[0], x : x + image_hw[1]] for y in down for x in along)
    nearest = reduce(np.minimum, (cells.split(each, void) - first for each in moved))
    return (most_Nhw > least_Nhw) & (cells.least(nearest) < room_Nhw)


def _patches(padded_NHW: Labels, edge: Labels, cells: Cells, radius: int, where_K: Places) -> tuple[Labels, Labels]:
    """The labels in and around cells, (rows + 2 radius, columns + 2 radius, K), and their edges, (rows, columns, K)."""
    image_K, row_K, column_K = where_K // cells.number, where_K % cells.number // cells.w, where_K % cells.w
    _, height, width = padded_NHW.shape
    corner_K = (image_K * height + cells.first[0][row_K]) * width + cells.first[1][column_K]
    labels = _gather(padded_NHW, corner_K, width, (cells.rows + 2 * radius, cells.columns + 2 * radius))
    width = cells.w * cells.columns
    corner_K = (image_K * cells.h + row_K) * cells.rows * width + column_K * cells.columns
    return labels, _gather(edge, corner_K, width, (cells.rows, cells.columns))


def _gather(source: Labels, corner_K: Places, width: int, size_hw: tuple[int, int]) -> Labels:
    """Rectangles of an image of rows of `width`, by their first pixels. K comes last, so that a pass runs over it."""
    rows, columns = (np.arange(size) for size in size_hw)
    return source.ravel().take((rows[:, None] * width + columns)[:, :, None] + corner_K)


def _count_patches(patches: Labels, edges: Labels, where_K: Places, width_px: int) -> Iterator[Found]:
    """Round by round, for cells that see more than two labels."""
    void = patches.dtype.type(np.iinfo(patches.dtype).max)
    rows, columns, _ = edges.shape
    while len(where_K):
        low, above = (each[:rows, :columns] for each in _extremes(patches, width_px, (0, 1)))
        least_K, top_K = _over_cell(np.minimum, low), _over_cell(np.maximum, above)
        most_K = top_K - top_K.dtype.type(1)
        yield where_K, least_K, _count((low == least_K) & edges)
        yield where_K, most_K, _count((above == top_K) & edges) * (least_K != most_K)
        done = (patches <= least_K) | (patches >= most_K)
        patches = np.maximum(patches, done * void)
        left_K = (~_over_cell(np.logical_and, done)).nonzero()[0]
        if len(left_K) < len(where_K):  # in the first round it never is
            where_K, patches, edges = (each.take(left_K, -1) for each in (where_K, patches, edges))


def _over_cell(pairwise: np.ufunc, values: Labels) -> Labels:
    """(rows, columns, K) to (K,). One axis after the other, each a pass over long rows."""
    return pairwise.reduce(pairwise.reduce(values, axis=0), axis=0)


def _count(found: NDArray[np.bool_]) -> NDArray[np.int32]:
    dtype = np.uint8 if len(found) < 256 else np.int32
    return np.add.reduce(np.add.reduce(found.view(np.uint8), axis=0, dtype=dtype), axis=0, dtype=np.int32)
