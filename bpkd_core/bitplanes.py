"""Averaging many binary images at once: image b is bit b of a word.

Sums are kept as *planes*, least significant first: bit b of plane p is digit p of the sum of image b. One full adder
(five logic operations on words) then adds that digit for all the images of a word together.
"""

from __future__ import annotations

import torch
from torch import Tensor

Planes = list[Tensor]


def average_bits(words_NHW: Tensor, num_bits: int, size_hw: tuple[int, int]) -> Tensor:
    """`adaptive_avg_pool2d` of the lowest `num_bits` bits of every word, each taken as an image of 0 and 1.

    words_NHW: integers. Returns (N, num_bits, h, w) float32 in [0, 1]. The size need not divide: the windows are
    those of adaptive pooling. Sums are exact; only the two divisions by the sides of a window round.
    """
    planes, most = [words_NHW], 1
    for dim, size in enumerate(size_hw, start=1):
        planes, most = _sum_windows(planes, most, dim, size)
    counts_NBhw = _unpack(planes, num_bits)
    for dim, size in enumerate(size_hw, start=1):
        first, last = _windows(words_NHW.shape[dim], size)
        sides = (last - first).to(words_NHW.device)
        counts_NBhw /= sides[:, None] if dim == 1 else sides
    return counts_NBhw


def _windows(length: int, size: int) -> tuple[Tensor, Tensor]:
    """First index, and index past the last, of the `size` windows that adaptive pooling lays over `length`."""
    index = torch.arange(size)
    return index * length // size, ((index + 1) * length + size - 1) // size


def _sum_windows(planes: Planes, most: int, dim: int, size: int) -> tuple[Planes, int]:
    """Sum along `dim` within each window. `most` bounds the numbers: the argument before, the result after."""
    cells = [_cells(plane, dim, size) for plane in planes]
    steps = list(zip(*(cell.unbind(dim + 1) for cell in cells), strict=True))
    total = list(steps[0])
    for count, step in enumerate(steps[1:], start=2):
        total = _add(total, list(step))[: (most * count).bit_length()]  # what the bound leaves no room for is 0
    return total, most * len(steps)


def _cells(plane: Tensor, dim: int, size: int) -> Tensor:
    """Split `dim` into (size, longest window), with 0 past the end of a shorter window. A view where it divides."""
    length = plane.shape[dim]
    if length % size == 0:
        return plane.unflatten(dim, (size, length // size))
    first, last = _windows(length, size)
    index = first[:, None] + torch.arange(int((last - first).max()))
    inside = (index < last[:, None]).reshape(*index.shape, *[1] * (plane.ndim - 1 - dim)).to(plane.device)
    picked = plane.index_select(dim, index.clamp(max=length - 1).flatten().to(plane.device))
    return picked.unflatten(dim, index.shape) * inside


def _add(long: Planes, short: Planes) -> Planes:
    """Ripple-carry addition; `long` has at least as many digits as `short`, the sum one more."""
    total, carry = [long[0] ^ short[0]], long[0] & short[0]
    for a, b in zip(long[1:], short[1:], strict=False):
        differ = a ^ b
        total.append(differ ^ carry)
        carry = (a & b) | (differ & carry)
    for a in long[len(short) :]:
        total.append(a ^ carry)
        carry = a & carry
    return [*total, carry]


def _unpack(planes: Planes, num_bits: int) -> Tensor:
    """The numbers themselves: (N, h, w) planes to (N, num_bits, h, w) float32."""
    shifts = torch.arange(num_bits, device=planes[0].device, dtype=planes[0].dtype)[:, None, None]
    numbers = torch.zeros_like(shifts)
    for plane in reversed(planes):
        numbers = (plane[:, None] >> shifts).bitwise_and_(1).add_(numbers, alpha=2)
    return numbers.float()
