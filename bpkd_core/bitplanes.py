"""Averaging many binary images at once: image b is bit b of a word.

Sums are kept as *planes*, least significant first: bit b of plane p is digit p of the sum of image b. One full adder
(five logic operations on words) then adds that digit for all 30 or 62 images together.
"""

from __future__ import annotations

from itertools import zip_longest

import torch
from torch import Tensor

Planes = list[Tensor]


def average_bits(words_NHW: Tensor, num_bits: int, size_hw: tuple[int, int]) -> Tensor:
    """`adaptive_avg_pool2d` of the lowest `num_bits` bits of every word, each taken as an image of 0 and 1.

    words_NHW: integers. Returns (N, num_bits, h, w) float32 in [0, 1]. The size need not divide: the windows are
    those of adaptive pooling. Sums are exact; only the two divisions by the sides of a window round.
    """
    first_h, last_h = _windows(words_NHW, 1, size_hw[0])
    first_w, last_w = _windows(words_NHW, 2, size_hw[1])
    rows, most = _sum_windows([words_NHW], 1, 1, first_h, last_h)
    planes, _ = _sum_windows(rows, most, 2, first_w, last_w)
    return _unpack(planes, num_bits) / (last_h - first_h)[:, None] / (last_w - first_w)


def _windows(words: Tensor, dim: int, size: int) -> tuple[Tensor, Tensor]:
    """First index and index past the last of the `size` windows that adaptive pooling lays along `dim`."""
    length, index = words.shape[dim], torch.arange(size, device=words.device)
    return index * length // size, ((index + 1) * length + size - 1) // size


def _sum_windows(planes: Planes, most: int, dim: int, first: Tensor, last: Tensor) -> tuple[Planes, int]:
    """Sum along `dim` within each window. `most` bounds the numbers: the argument before, the result after."""
    steps = [_take(planes, dim, step, first, last) for step in range(_longest(planes[0].shape[dim], len(first)))]
    total = steps[0]
    for count, step in enumerate(steps[1:], start=2):
        total = _add(total, step)[: (most * count).bit_length()]  # what the bound leaves no room for is 0
    return total, most * len(steps)


def _longest(length: int, size: int) -> int:
    """No window is longer; where the size divides, each is as long."""
    return length // size if length % size == 0 else -(-length // size) + 1


def _take(planes: Planes, dim: int, step: int, first: Tensor, last: Tensor) -> Planes:
    """The `step`-th number of every window, 0 for a window that is shorter."""
    shape = [-1 if axis == dim else 1 for axis in range(planes[0].ndim)]
    index, inside = (first + step).clamp(max=planes[0].shape[dim] - 1), (first + step < last).view(shape)
    return [plane.index_select(dim, index) * inside for plane in planes]


def _add(left: Planes, right: Planes) -> Planes:
    """Sum of two numbers per bit: a ripple-carry adder, one digit longer than the longer of the two."""
    total, carry = [], None
    for digits in zip_longest(left, right):
        digit, carry = _add_digits([plane for plane in (*digits, carry) if plane is not None])
        total.append(digit)
    return total if carry is None else [*total, carry]


def _add_digits(digits: Planes) -> tuple[Tensor, Tensor | None]:
    """One to three binary digits as (sum digit, carry)."""
    match digits:
        case [a]:
            return a, None
        case [a, b]:
            return a ^ b, a & b
        case [a, b, c]:
            either = a ^ b
            return either ^ c, (a & b) | (either & c)
    raise AssertionError("a binary adder has at most three inputs")


def _unpack(planes: Planes, num_bits: int) -> Tensor:
    """The numbers themselves: (N, h, w) planes to (N, num_bits, h, w) float32."""
    shifts = torch.arange(num_bits, device=planes[0].device, dtype=planes[0].dtype)[:, None, None]
    numbers = torch.zeros((), device=planes[0].device)
    for weight, plane in enumerate(planes):
        numbers = numbers + ((plane[:, None] >> shifts) & 1) * float(2**weight)
    return numbers
