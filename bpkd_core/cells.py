"""The cells of adaptive pooling over label maps, and windows that slide over them.

Everything goes over whole rows at a time, because that is what a CPU is fast at: one pass over a million uint8 labels
takes some 0.05 ms, a reduction over little squares twenty times that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

Pairwise = Callable[[Tensor, Tensor], Tensor]


def slide(values: Tensor, width: int, dims: tuple[int, int], pairwise: Pairwise) -> Tensor:
    """`pairwise` (minimum or maximum) over every width x width window along `dims`, which lose width - 1 each."""
    for dim in dims:
        span = 1
        while span < width:  # a span doubles each time: 1, 2, 4, 7 for the window of 7
            step = min(span, width - span)
            kept = values.shape[dim] - step
            values = pairwise(values.narrow(dim, 0, kept), values.narrow(dim, step, kept))
            span += step
    return values


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # what is kept from a validation must serve a training too
def cells_of(image_hw: tuple[int, int], size_hw: tuple[int, int], device: torch.device) -> Cells:
    """The cells of adaptive pooling from `image_hw` to `size_hw`, built once."""
    return Cells(image_hw, size_hw, device)


class Cells:
    """`number` = h * w cells, each of at most rows x columns pixels.

    Where the sizes do not divide, cells overlap and some are one pixel shorter; an image is then copied into a layout
    in which each has its full place, and the pixel too many is filled.

    first: of each side, the first pixel of every cell. overhang: pixels of the last full place past the image's end.
    smallest: sides of the smallest cell.
    """

    def __init__(self, image_hw: tuple[int, int], size_hw: tuple[int, int], device: torch.device) -> None:
        self.h, self.w = size_hw
        self.number = self.h * self.w
        sides = [_Side(length, size, device) for length, size in zip(image_hw, size_hw, strict=True)]
        self._sides = sides
        self.rows, self.columns = (side.longest for side in sides)
        self.first = tuple(side.first for side in sides)
        self.overhang = tuple(side.overhang for side in sides)
        self.smallest = tuple(int(side.lengths.min()) for side in sides)

    def split(self, image_NHW: Tensor, fill: int) -> Tensor:
        """(N, H, W) to rows of cells, (N, h, rows, w * columns). A view where the sizes divide."""
        for dim, side in enumerate(self._sides, start=1):
            if side.divides:
                continue
            image_NHW = image_NHW.index_select(dim, side.pixels)
            image_NHW.masked_fill_(side.beyond[:, None] if dim == 1 else side.beyond, fill)
        return image_NHW.unflatten(1, (self.h, self.rows))

    def spread(self, cells_Nhw: Tensor) -> Tensor:
        """One number a cell, repeated over its columns: (N, h, 1, w * columns), to compare with what was split."""
        return cells_Nhw.repeat_interleave(self.columns, 2)[:, :, None]

    def least(self, split: Tensor) -> Tensor:
        """Smallest number of each cell, (N, h, w)."""
        return split.amin(2).unflatten(2, (self.w, self.columns)).amin(3)

    def most(self, split: Tensor) -> Tensor:
        """Largest number of each cell, (N, h, w)."""
        return split.amax(2).unflatten(2, (self.w, self.columns)).amax(3)

    def any_row(self, split: Tensor) -> Tensor:
        """Whether a boolean is true in any row of each row of cells, (N, h, 1, w * columns): a first step to `most`."""
        return split.view(torch.uint8).amax(2, keepdim=True).view(torch.bool)

    def count(self, split: Tensor) -> Tensor:
        """How often a boolean is true in each cell, (N, h, w) int64."""
        dtype = torch.uint8 if self.rows < 256 else torch.int32
        return split.view(torch.uint8).sum(2, dtype=dtype).unflatten(2, (self.w, self.columns)).sum(3)

    def share(self, count_K: Tensor, cell_K: Tensor) -> Tensor:
        """Counts as parts of their cells, float32. Divided by one side and then the other, as adaptive pooling does."""
        share_K = count_K.float()
        for side, place_K in zip(self._sides, (lambda: cell_K // self.w, lambda: cell_K % self.w), strict=True):
            share_K /= side.longest if side.divides else side.lengths[place_K()]
        return share_K


class _Side:
    """The cells along one side: which pixels, and which of those are past the end of their cell."""

    def __init__(self, length: int, size: int, device: torch.device) -> None:
        cell = torch.arange(size, device=device)
        self.first = cell * length // size
        last = ((cell + 1) * length + size - 1) // size
        self.lengths = last - self.first
        self.longest = int(self.lengths.max())
        self.overhang = int(self.first[-1]) + self.longest - length
        self.divides = size * self.longest == length
        pixels = self.first[:, None] + torch.arange(self.longest, device=device)
        self.pixels, self.beyond = pixels.clamp(max=length - 1).flatten(), (pixels >= last[:, None]).flatten()
