"""The cells of adaptive pooling over label maps, and windows that slide over them.

In NumPy, because label maps are small numbers in large arrays: what counts is the passes over them and the cost of
calling one, and a call of NumPy's costs a third of torch's. Everything goes over whole rows at a time, since a
reduction over little squares takes ten times as long.
"""

from __future__ import annotations

import math
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[Any]
"""An array of integers or booleans."""


def slide(values: Labels, width: int, axes: tuple[int, int], pairwise: np.ufunc) -> Labels:
    """`pairwise` (minimum or maximum) over every width x width window along `axes`, at the place of its first pixel.

    values: contiguous. The result has its shape; the last width - 1 places of each axis are no window and hold nothing
    of use. That is because rows are not told apart: one long row takes a third of the time of many short ones.
    """
    flat = values.reshape(-1)
    for axis in axes:
        stride, span = math.prod(values.shape[axis + 1 :]), 1
        while span < width:  # a span doubles each time: 1, 2, 4, 7 for the window of 7
            step = min(span, width - span)
            kept = len(flat) - step * stride
            longer = np.empty_like(flat)
            pairwise(flat[:kept], flat[-kept:], out=longer[:kept])
            longer[kept:] = flat[kept:]
            flat, span = longer, span + step
    return flat.reshape(values.shape)


@lru_cache(maxsize=16)
def cells_of(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> Cells:
    """The cells of adaptive pooling from `image_hw` to `size_hw`, built once."""
    return Cells(image_hw, size_hw)


class Cells:
    """`number` = h * w cells, each of at most rows x columns pixels.

    Where the sizes do not divide, cells overlap and some are one pixel shorter; an image is then copied into a layout
    in which each has its full place, and the pixel too many is filled.

    first: of each side, the first pixel of every cell. overhang: pixels of the last full place past the image's end.
    smallest: sides of the smallest cell.
    """

    def __init__(self, image_hw: tuple[int, int], size_hw: tuple[int, int]) -> None:
        self.h, self.w = size_hw
        self.number = self.h * self.w
        self._sides = [_Side(length, size) for length, size in zip(image_hw, size_hw, strict=True)]
        self.rows, self.columns = (side.longest for side in self._sides)
        self.first = tuple(side.first for side in self._sides)
        self.overhang = tuple(side.overhang for side in self._sides)
        self.smallest = tuple(int(side.lengths.min()) for side in self._sides)

    def split(self, image_NHW: Labels, fill: int) -> Labels:
        """(N, H, W) to rows of cells, (N, h, rows, w * columns). A view where the sizes divide."""
        for axis, side in enumerate(self._sides, start=1):
            if side.divides:
                continue
            image_NHW = image_NHW.take(side.pixels, axis)
            image_NHW[(slice(None),) * axis + (side.beyond,)] = fill
        return image_NHW.reshape(len(image_NHW), self.h, self.rows, -1)

    def spread(self, cells_Nhw: Labels) -> Labels:
        """One number a cell, repeated over its columns: (N, h, 1, w * columns), to compute with what was split."""
        return cells_Nhw.repeat(self.columns, 2)[:, :, None]

    def least(self, split: Labels) -> Labels:
        """Smallest number of each cell, (N, h, w)."""
        return self._reduce_columns(np.minimum, np.minimum.reduce(split, axis=2))

    def most(self, split: Labels) -> Labels:
        """Largest number of each cell, (N, h, w)."""
        return self._reduce_columns(np.maximum, np.maximum.reduce(split, axis=2))

    def count(self, split: Labels) -> Labels:
        """How often a boolean is true in each cell, (N, h, w) int32."""
        dtype = np.uint8 if self.rows < 256 else np.int32
        return self._reduce_columns(np.add, np.add.reduce(split.view(np.uint8), axis=2, dtype=dtype).astype(np.int32))

    def _reduce_columns(self, pairwise: np.ufunc, rows_NhW: Labels) -> Labels:
        return reduce(pairwise, (rows_NhW[..., column :: self.columns] for column in range(self.columns)))

    def share(self, count_K: Labels, cell_K: Labels) -> NDArray[np.float32]:
        """Counts as parts of their cells, float32. Divided by one side and then the other, as adaptive pooling does."""
        share_K = count_K.astype(np.float32)
        for side, place_K in zip(self._sides, (lambda: cell_K // self.w, lambda: cell_K % self.w), strict=True):
            share_K /= np.float32(side.longest) if side.divides else side.lengths[place_K()].astype(np.float32)
        return share_K


class _Side:
    """The cells along one side: which pixels, and which of those are past the end of their cell."""

    def __init__(self, length: int, size: int) -> None:
        cell = np.arange(size)
        self.first = cell * length // size
        last = ((cell + 1) * length + size - 1) // size
        self.lengths = last - self.first
        self.longest = int(self.lengths.max())
        self.overhang = int(self.first[-1]) + self.longest - length
        self.divides = size * self.longest == length
        pixels = self.first[:, None] + np.arange(self.longest)
        self.pixels, self.beyond = pixels.clip(max=length - 1).ravel(), (pixels >= last[:, None]).ravel()
