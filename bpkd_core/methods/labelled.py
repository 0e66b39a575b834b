"""Labels at the size of a network's maps, and means that leave void out.

All of it is ours (D): the papers' methods know no void. A cell counts by its share of labelled pixels, and where
nothing is labelled a mean is an exact, differentiable 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.boundary import widen


def labelled_share(labels_NHW: Tensor, like_NDhw: Tensor, ignore_index: int) -> Tensor:
    """The share of labelled pixels in each cell of a map: (N, h, w) in [0, 1], of the map's floating type."""
    labelled_NHW = (widen(labels_NHW) != ignore_index).to(like_NDhw)
    return F.adaptive_avg_pool2d(labelled_NHW, (like_NDhw.shape[2], like_NDhw.shape[3]))


def mean_over_labelled(values: Tensor, share: Tensor) -> Tensor:
    """The mean of `values` weighted by `share`, which broadcasts to them: a scalar, exactly 0 where no weight is."""
    share = share.expand_as(values)
    total = share.sum()
    return (values * share).sum() / torch.where(total > 0, total, 1)


def labels_at(labels_NHW: Tensor, size_hw: tuple[int, int], num_classes: int, ignore_index: int) -> Tensor:
    """The label at the centre of each cell: (N, h, w) int64 with void as `num_classes`.

    The papers take the nearest label; the centre is where bilinear interpolation of the maps looks (D).
    """
    rows_h, columns_w = (
        (2 * torch.arange(cells, device=labels_NHW.device) + 1) * pixels // (2 * cells)
        for cells, pixels in zip(size_hw, labels_NHW.shape[1:], strict=True)
    )
    labels_Nhw = widen(labels_NHW[:, rows_h][:, :, columns_w]).long()
    return labels_Nhw.masked_fill(labels_Nhw == ignore_index, num_classes)
