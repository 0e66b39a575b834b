"""Where the classes of a label map meet: the edge masks behind the method and its metrics.

The textbook form, `dilate(onehot) - erode(onehot)`, costs N*C*H*W floats before any arithmetic. Here nothing has a
class axis: most cells of the logits see one class or two, and :mod:`bpkd_core.bands` counts the pixels of those. Bit
for bit the textbook's result. It is computed on the CPU whatever device the labels are on: it is a hundred short calls
on a megabyte, which a GPU would spend on being called. A training makes the bands where it makes the labels, in the
processes of the loader (docs/adr, 36), so that neither waits for the other.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from bpkd_core.bands import count_bands
from bpkd_core.cells import Labels, cells_of
from bpkd_core.errors import InvalidInput

VoidRule = Literal["transparent", "as_class"]


class EdgeBands(NamedTuple):
    """Edge masks (N, C, h, w) as a list of what is not 0: E values, each once, and where they are.

    share_E: the values, float32 in (0, 1]. index_E, channel_E, pixel_E: their places in the flattened (N, C, h, w),
    (N, C) and (N, h, w), int64.
    """

    share_E: Tensor
    index_E: Tensor
    channel_E: Tensor
    pixel_E: Tensor
    shape_NChw: tuple[int, int, int, int]

    @property
    def num_pixels(self) -> int:
        """N * h * w."""
        images, _, height, width = self.shape_NChw
        return images * height * width

    def to(self, dtype: torch.dtype) -> EdgeBands:
        """The same with the values in another floating type."""
        return self._replace(share_E=self.share_E.to(dtype))

    def on(self, device: torch.device) -> EdgeBands:
        """The same on another device."""
        share, index, channel, pixel = (each.to(device, non_blocking=True) for each in self[:4])
        return EdgeBands(share, index, channel, pixel, self.shape_NChw)

    def of_images(self, first: int, number: int) -> EdgeBands:
        """The same of a part of the images."""
        _, classes, height, width = self.shape_NChw
        start, area = first * height * width, height * width
        kept_E = ((self.pixel_E >= start) & (self.pixel_E < start + number * area)).nonzero()[:, 0]
        return EdgeBands(
            self.share_E[kept_E],
            self.index_E[kept_E] - start * classes,
            self.channel_E[kept_E] - first * classes,
            self.pixel_E[kept_E] - start,
            (number, classes, height, width),
        )

    def dense(self) -> Tensor:
        """The masks themselves, (N, C, h, w)."""
        masks = self.share_E.new_zeros(self.shape_NChw)
        masks.view(-1)[self.index_E] = self.share_E
        return masks


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
    return edge_bands(
        labels_NHW, num_classes, width_px=width_px, size_hw=size_hw, ignore_index=ignore_index, void=void
    ).dense()


def edge_bands(
    labels_NHW: Tensor,
    num_classes: int,
    *,
    width_px: int = 7,
    size_hw: tuple[int, int] | None = None,
    ignore_index: int = 255,
    void: VoidRule = "transparent",
) -> EdgeBands:
    """:func:`edge_masks` as a list of what is not 0, a few hundredths of the masks."""
    _check(labels_NHW, width_px, void)
    codes_NHW = _codes(labels_NHW.cpu().numpy(), num_classes, ignore_index, void)
    images, height, width = codes_NHW.shape
    cells = cells_of((height, width), size_hw or (height, width))
    where_K, class_K, count_K = (
        np.concatenate(parts) for parts in zip(*count_bands(codes_NHW, cells, width_px), strict=True)
    )
    kept_E = ((count_K > 0) & (class_K < num_classes)).nonzero()[0]
    pixel_E = where_K[kept_E]
    cell_E = pixel_E % cells.number
    channel_E = pixel_E // cells.number * num_classes + class_K[kept_E]
    share_E = cells.share(count_K[kept_E], cell_E)
    device, shape_NChw = labels_NHW.device, (images, num_classes, cells.h, cells.w)
    found = (share_E, channel_E * cells.number + cell_E, channel_E, pixel_E)
    share, index, channel, pixel = (torch.from_numpy(each).to(device) for each in found)
    return EdgeBands(share, index, channel, pixel, shape_NChw)


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
    if labels_NHW.dtype in (torch.uint16, torch.uint32, torch.uint64):  # which torch stores and does not promote
        return labels_NHW.to(torch.int64)
    return labels_NHW.to(torch.promote_types(labels_NHW.dtype, torch.int32))


def _codes(labels_NHW: Labels, num_classes: int, ignore_index: int, void: str) -> Labels:
    """Labels in the smallest unsigned type that holds them, with transparent void as its largest number.

    Void as a class is `num_classes`. Raises InvalidInput for a value that is neither class nor void.
    """
    dtype = next(np.dtype(t) for t in (np.uint8, np.uint16, np.uint32) if num_classes < np.iinfo(t).max)
    top = np.iinfo(dtype).max
    if labels_NHW.dtype == dtype and ignore_index == top and void == "transparent":  # as a loader gives them
        codes_NHW = labels_NHW
        lowest, highest = 0, int((codes_NHW + dtype.type(1)).max()) - 1
    else:
        wide_NHW = labels_NHW.astype(np.int64)  # a comparison of uint8 with -1 is none
        void_NHW = wide_NHW == ignore_index
        wide_NHW[void_NHW] = 0
        lowest, highest = int(wide_NHW.min()), int(wide_NHW.max())
        codes_NHW = wide_NHW.astype(dtype)
        codes_NHW[void_NHW] = num_classes if void == "as_class" else top
    if lowest < 0 or highest >= num_classes:
        raise InvalidInput(
            f"The labels hold the value {lowest if lowest < 0 else highest}; each must be below num_classes = "
            f"{num_classes} or be ignore_index = {ignore_index}.",
            param="labels",
        )
    return codes_NHW
