"""Counting, in every cell of a label map, the pixels on each class's edge: two classes a round, none twice.

A pixel is on an edge where the smallest and the largest label of its window differ, and then on the edge of every
label in the window. Of all labels that a cell sees, take the smallest A and the largest B: a window holds A where its
smallest label is A, and B where its largest is B, so comparing and counting gives both. Most cells see no third label.
Where one does, A and B are taken out and the rest is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.cells import Cells, slide

Found = tuple[Tensor, Tensor, Tensor]
"""Cells, as places in the flattened (N, h, w); a label that each sees; how many of its pixels are on its edge."""


def count_bands(codes_NHW: Tensor, cells: Cells, width_px: int) -> Iterator[Found]:
    """Count for each cell and label, which come together once at most; counts may be 0.

    codes_NHW: labels >= 0 in a small integer type, whose largest number is void: it makes no edge and carries none.
    width_px: side of the square window, odd, clipped at the frame.
    """
    void, radius = torch.iinfo(codes_NHW.dtype).max, width_px // 2
    below, right = (radius + overhang for overhang in cells.overhang)
    padded_NHW = F.pad(codes_NHW, (radius, right, radius, below), value=void)
    height, width = (size + 2 * radius for size in codes_NHW.shape[1:])
    low_NHW, above_NHW = _extremes(padded_NHW[:, :height, :width], width_px, (1, 2))
    high_NHW = above_NHW - 1
    carries_NHW = codes_NHW != codes_NHW.new_full(codes_NHW.shape[2:], void)  # a row: a scalar is compared slowly
    edge = cells.split((low_NHW != high_NHW).logical_and_(carries_NHW), False)
    low, high = cells.split(low_NHW, void), cells.split(high_NHW, void)
    least_Nhw = cells.least(low)
    most_Nhw = cells.most(cells.split(above_NHW, torch.iinfo(codes_NHW.dtype).min)) - 1
    least, most = cells.spread(least_Nhw), cells.spread(most_Nhw)
    where_K = torch.arange(least_Nhw.numel(), device=codes_NHW.device)
    yield where_K, least_Nhw.flatten(), cells.count((low == least).logical_and_(edge)).flatten()
    yield where_K, most_Nhw.flatten(), cells.count((high == most).logical_and_(edge)).flatten()
    where_K = _sees_between(padded_NHW, cells, radius, least, most, codes_NHW.shape[1:]).flatten().nonzero()[:, 0]
    if len(where_K):
        patches, edges = _patches(padded_NHW, edge, cells, radius, where_K)
        outside = (patches <= least_Nhw.flatten()[where_K]) | (patches >= most_Nhw.flatten()[where_K])
        yield from _count_patches(patches, edges, outside, where_K, width_px)


def _extremes(values: Tensor, width_px: int, dims: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The smallest label of each window, and one more than its largest.

    The smallest passes over void, the type's largest number; one more wraps it around to the lowest, and the largest
    passes over it too. Of nothing but void they are void and one more than void: no edge.
    """
    return slide(values, width_px, dims, torch.minimum), slide(values + 1, width_px, dims, torch.maximum)


def _sees_between(
    padded_NHW: Tensor, cells: Cells, radius: int, least: Tensor, most: Tensor, image_hw: tuple[int, ...]
) -> Tensor:
    """Whether a cell, or the `radius` pixels around it, has a label between the two: (N, h, w) uint8.

    What surrounds a cell is what lies on it when the image is moved by up to `radius`; steps of a cell's side suffice.
    """
    down, along = (sorted({*range(0, 2 * radius, side), 2 * radius}) for side in cells.smallest)
    void = torch.iinfo(padded_NHW.dtype).max
    found = torch.zeros_like(least, dtype=torch.bool)
    for y in down:
        for x in along:
            moved = cells.split(padded_NHW[:, y : y + image_hw[0], x : x + image_hw[1]], void)
            found |= cells.any_row((moved > least).logical_and_(moved < most))
    return cells.most(found.view(torch.uint8))


def _patches(padded_NHW: Tensor, edge: Tensor, cells: Cells, radius: int, where_K: Tensor) -> tuple[Tensor, Tensor]:
    """The labels in and around cells, (rows + 2 radius, columns + 2 radius, K), and their edges, (rows, columns, K)."""
    image_K, row_K, column_K = where_K // cells.number, where_K % cells.number // cells.w, where_K % cells.w
    _, height, width = padded_NHW.shape
    corner_K = (image_K * height + cells.first[0][row_K]) * width + cells.first[1][column_K]
    labels = _gather(padded_NHW, corner_K, width, (cells.rows + 2 * radius, cells.columns + 2 * radius))
    width = cells.w * cells.columns
    corner_K = (image_K * cells.h + row_K) * cells.rows * width + column_K * cells.columns
    return labels, _gather(edge, corner_K, width, (cells.rows, cells.columns))


def _gather(source: Tensor, corner_K: Tensor, width: int, size_hw: tuple[int, int]) -> Tensor:
    """Rectangles of an image of rows of `width`, by their first pixels. K comes last, so that a pass runs over it."""
    rows, columns = (torch.arange(size, device=source.device) for size in size_hw)
    dtype = torch.int32 if source.numel() < 2**31 else torch.int64  # half the index is half the time
    index = (rows[:, None] * width + columns).to(dtype)[:, :, None] + corner_K.to(dtype)
    return source.flatten().index_select(0, index.flatten()).view(index.shape)


def _count_patches(patches: Tensor, edges: Tensor, outside: Tensor, where_K: Tensor, width_px: int) -> Iterator[Found]:
    """The rounds after the first. outside: which labels of the patches are done with."""
    void = torch.iinfo(patches.dtype).max
    while len(where_K):
        patches = torch.maximum(patches, outside.to(patches.dtype) * void)
        low, above = _extremes(patches, width_px, (0, 1))
        least_K, top_K = low.amin((0, 1)), above.amax((0, 1))
        most_K = top_K - 1
        yield where_K, least_K, (low == least_K).logical_and_(edges).sum((0, 1))
        yield where_K, most_K, (above == top_K).logical_and_(edges).sum((0, 1)) * (least_K != most_K)
        outside = (patches <= least_K) | (patches >= most_K)
        left = (outside.view(torch.uint8).amin((0, 1)) == 0).nonzero()[:, 0]
        where_K, patches, edges, outside = (each[..., left] for each in (where_K, patches, edges, outside))
