"""The textbook's edge masks: what :mod:`bpkd_core.boundary` is measured against, and tested against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def edge_masks_dense(
    labels_NHW: Tensor,
    num_classes: int,
    width_px: int = 7,
    size_hw: tuple[int, int] | None = None,
    ignore_index: int = 255,
    void: str = "transparent",
) -> Tensor:
    """One-hot, max-pooling for the dilation, of the negative for the erosion, then average pooling: (N, C, h, w).

    The arguments are those of :func:`bpkd_core.boundary.edge_masks`.
    """
    labels_NHW = labels_NHW.long()
    void_N1HW = (labels_NHW == ignore_index)[:, None]
    classes_C11 = torch.arange(num_classes, device=labels_NHW.device)[:, None, None]
    onehot = ((labels_NHW[:, None] == classes_C11) & ~void_N1HW).float()
    solid = torch.maximum(onehot, void_N1HW.float()) if void == "transparent" else onehot
    dilated = F.max_pool2d(onehot, width_px, stride=1, padding=width_px // 2)
    eroded = -F.max_pool2d(-solid, width_px, stride=1, padding=width_px // 2)
    edges = dilated * (1 - eroded)
    if void == "transparent":
        edges = edges * ~void_N1HW
    return edges if size_hw is None else F.adaptive_avg_pool2d(edges, size_hw)
