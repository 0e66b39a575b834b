"""Where the classes of a label map meet: the edge masks behind the method and its metrics.

The textbook form, `dilate(onehot) - erode(onehot)`, costs N*C*H*W floats before any arithmetic. Here every value
that occurs is one bit of an integer image, a *word*. The OR over the k x k window of a pixel says which values occur
there: the pixel is on an edge where that is more than one, and then on the edge of exactly those. The average over
the cells of the logits counts all bits of a word at once (:mod:`bpkd_core.bitplanes`). Bit for bit the textbook's
result.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.bitplanes import average_bits
from bpkd_core.errors import InvalidInput

VoidRule = Literal["transparent", "as_class"]

# Words, and how many values fit into each beside the sign. Half the bytes are half the time.
WORDS = ((torch.int16, 15), (torch.int32, 31), (torch.int64, 63))


@torch.no_grad()
def edge_masks(
    labels_NHW: Tensor,
    num_classes: int,
    *,
    width_px: int = 7,
    size_hw: tuple[int, int] | None = None,
    ignore_index: int = 255,
    void: VoidRule = "transparent",
) -> Tensor:
    """Per-class edge bands `dilate_k(GT_c) - erode_k(GT_c)`, averaged to `size_hw` (BPKD: C; k = 7: A).

    labels_NHW: integers of any type, each in 0...num_classes-1 or `ignore_index`.
    width_px: side k of the square window in label pixels, odd; 1 makes no edge. Windows are clipped at the frame, so
        the frame is never an edge.
    size_hw: size of the result, by adaptive average pooling without a threshold; None keeps the labels' size.
    void: what `ignore_index` does (D, sources disagree). "transparent": void makes no edge and carries none.
        "as_class": void makes and carries edges like a class, without a channel of its own.

    Returns (N, num_classes, h, w) float32 in [0, 1] on the labels' device; a class that does not occur is all 0.
    Raises InvalidInput for an even or non-positive width, an unknown void rule, and labels that are not (N, H, W)
    integers or out of range.
    """
    _check(labels_NHW, width_px, void)
    codes_NHW = _codes(labels_NHW, num_classes, ignore_index)
    values = codes_NHW.flatten().bincount().nonzero().flatten().tolist()
    classes = [value for value in values if value < num_classes]
    edge_makers = values if void == "as_class" else classes
    carriers_NHW = codes_NHW < num_classes if void == "transparent" else None
    size_hw = size_hw or (labels_NHW.shape[1], labels_NHW.shape[2])
    masks_NChw = torch.zeros(len(labels_NHW), num_classes, *size_hw, device=labels_NHW.device)
    for group, band_NHW in _bands(codes_NHW, edge_makers, width_px, carriers_NHW):
        channels = [value for value in group if value < num_classes]
        masks_NChw[:, channels] = average_bits(band_NHW, len(channels), size_hw)
    return masks_NChw


def _check(labels_NHW: Tensor, width_px: int, void: str) -> None:
    if width_px < 1 or width_px % 2 == 0:
        raise InvalidInput(
            f"The edge width is {width_px} px; it must be odd and positive, such as 7.", param="width_px"
        )
    if void not in get_args(VoidRule):
        raise InvalidInput(f'The void rule is "{void}"; it must be "transparent" or "as_class".', param="void")
    integral = not (labels_NHW.is_floating_point() or labels_NHW.is_complex() or labels_NHW.dtype == torch.bool)
    if labels_NHW.ndim != 3 or labels_NHW.numel() == 0 or not integral:
        found = f"{labels_NHW.dtype} of shape {tuple(labels_NHW.shape)}"
        raise InvalidInput(f"The labels are {found}; they must be integers of shape (N, H, W).", param="labels")


def widen(labels_NHW: Tensor) -> Tensor:
    """At least int32, because a comparison of uint8 with -1 wraps around and finds 255."""
    return labels_NHW.to(torch.promote_types(labels_NHW.dtype, torch.int32))


def _codes(labels_NHW: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Labels as int32 with void renamed to `num_classes`. Raises InvalidInput for a value that is neither."""
    labels_NHW = widen(labels_NHW)
    void_NHW = labels_NHW == ignore_index
    labels_NHW = labels_NHW.masked_fill(void_NHW, 0)
    lowest, highest = (int(bound) for bound in labels_NHW.aminmax())
    if lowest < 0 or highest >= num_classes:
        raise InvalidInput(
            f"The labels hold the value {lowest if lowest < 0 else highest}; each must be below num_classes = "
            f"{num_classes} or be ignore_index = {ignore_index}.",
            param="labels",
        )
    return labels_NHW.int().masked_fill_(void_NHW, num_classes)


def _bands(
    codes_NHW: Tensor, values: list[int], width_px: int, carriers_NHW: Tensor | None
) -> list[tuple[list[int], Tensor]]:
    """Groups of values that share a word, each with its words: bit b says "on the edge of the group's value b".

    Only pixels in `carriers_NHW` get a bit, if it is given.
    """
    if len(values) < 2:  # one value alone meets no other
        return []
    dtype, capacity = next((word for word in WORDS if len(values) <= word[1]), WORDS[-1])
    groups = [values[start : start + capacity] for start in range(0, len(values), capacity)]
    seen = [_window_or(_words(codes_NHW, group, dtype), width_px) for group in groups]
    edge_NHW = _impure(seen)
    if carriers_NHW is not None:
        edge_NHW &= carriers_NHW
    return [(group, words_NHW.mul_(edge_NHW)) for group, words_NHW in zip(groups, seen, strict=True)]


def _words(codes_NHW: Tensor, values: list[int], dtype: torch.dtype) -> Tensor:
    """Bit b is set where the code is values[b]; a code of another group sets none."""
    table = torch.zeros(int(codes_NHW.max()) + 1, dtype=dtype)
    table[values] = 1 << torch.arange(len(values), dtype=dtype)
    return table.to(codes_NHW.device).index_select(0, codes_NHW.flatten()).view_as(codes_NHW)


def _window_or(words_NHW: Tensor, width_px: int) -> Tensor:
    """OR over the window around each pixel; outside the frame there is nothing to add."""
    radius = width_px // 2
    words_NHW = F.pad(words_NHW, (radius, radius, radius, radius))
    for axis in (1, 2):
        span = 1
        while span < width_px:  # a span doubles each time: 1, 2, 4, 7 for the window of 7
            step = min(span, width_px - span)
            kept = words_NHW.shape[axis] - step
            words_NHW = words_NHW.narrow(axis, 0, kept) | words_NHW.narrow(axis, step, kept)
            span += step
    return words_NHW


def _impure(words: list[Tensor]) -> Tensor:
    """Where a pixel has more than one bit, over all its words."""
    some_NHW, many_NHW = words[0] != 0, _has_many(words[0])
    for words_NHW in words[1:]:
        here_NHW = words_NHW != 0
        many_NHW |= _has_many(words_NHW) | (some_NHW & here_NHW)
        some_NHW |= here_NHW
    return many_NHW


def _has_many(words_NHW: Tensor) -> Tensor:
    """D & (D - 1) clears the lowest bit of D: what is left says whether there was another."""
    return (words_NHW - 1).bitwise_and_(words_NHW) != 0
