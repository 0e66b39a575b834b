"""PSPNet (arXiv 1612.01105) on a dilated ResNetV1c, with the auxiliary head on layer3. Key names are OpenMMLab's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bpkd_core.models.base import SegmentationNet
from bpkd_core.models.blocks import DROPOUT, conv_norm, resize
from bpkd_core.models.dilated import DilatedNet
from bpkd_core.models.resnet import resnet_18, resnet_101

BINS = (1, 2, 3, 6)


class AdaptivePool(nn.Module):
    """Adaptive average pooling to bins x bins cells, written as two matrix products A x B^T.

    Same cells as torch's, but built from the size at run time: the ONNX exporter unrolls torch's own for the traced
    size and is wrong at any other.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, bins, bins)."""
        in_row, rows = self._cells(x_NCHW.shape[2], x_NCHW)
        in_column, columns = self._cells(x_NCHW.shape[3], x_NCHW)
        bands = torch.einsum("ih,nchw->nciw", in_row, x_NCHW) / rows[:, None]
        return torch.einsum("nciw,jw->ncij", bands, in_column) / columns

    def _cells(self, side: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Which of `side` pixels each cell holds, (bins, side) of 0 and 1, and how many, (bins,).

        The counts are divided out after the product and not folded into the matrix, because 1/n is inexact in
        bfloat16 and 0 and 1 are not.
        """
        cell = torch.arange(self.bins, device=like.device)[:, None]
        pixel = torch.arange(side, device=like.device)
        first, end = cell * side // self.bins, -(-(cell + 1) * side // self.bins)
        inside = ((pixel >= first) & (pixel < end)).to(like.dtype)
        return inside, inside.sum(1)


class PSPHead(nn.Module):
    """Contexts pooled to 1, 2, 3 and 6 cells a side, beside the features they come from."""

    def __init__(self, c_in: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.psp_modules = nn.ModuleList(nn.Sequential(AdaptivePool(bins), conv_norm(c_in, width, 1)) for bins in BINS)
        self.bottleneck = conv_norm(c_in + len(BINS) * width, width, 3)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.conv_seg = nn.Conv2d(width, num_classes, 1)

    def forward(self, x_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, c_in, h, w) to logits (N, C, h, w) and the features (N, width, h, w) they are read from."""
        contexts = [resize(module(x_NCHW), like_NCHW=x_NCHW) for module in self.psp_modules]
        features = self.bottleneck(torch.cat([x_NCHW, *contexts], dim=1))
        return self.conv_seg(self.dropout(features)), features


class PSPNet(DilatedNet):
    """Contexts of the whole image beside each pixel of the backbone's last map."""

    head = PSPHead


def pspnet_r18(num_classes: int) -> SegmentationNet:
    """PSPNet on ResNetV1c-18, 12.6 M parameters: the paper's student."""
    return PSPNet(num_classes, resnet_18(), c_in=512, width=128)


def pspnet_r101(num_classes: int) -> SegmentationNet:
    """PSPNet on ResNetV1c-101, 65.6 M parameters: the paper's teacher."""
    return PSPNet(num_classes, resnet_101(), c_in=2048, width=512)
