"""ISANet (arXiv 1907.12273): interlaced sparse self-attention on a dilated ResNetV1c. Key names are OpenMMLab's.

Attention among all h x w pixels costs (h w)^2. Two sparse ones cost far less and still join any pixel with any other:
first among pixels that are a fixed step apart (long range), then among the pixels of each small square (short range).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.base import SegmentationNet
from bpkd_core.models.blocks import DROPOUT, conv_norm, cover
from bpkd_core.models.dilated import DilatedNet
from bpkd_core.models.resnet import resnet_18, resnet_101

INNER = 256
"""Channels of queries and keys, in the student as in the teacher."""

SQUARE = 8
"""Side of a square of the short range, and with it the number of strided grids along a side of the long range."""


class Attention(nn.Module):
    """Self-attention of one head among the pixels of a map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key_project = nn.Sequential(conv_norm(width, INNER, 1), conv_norm(INNER, INNER, 1))
        self.query_project = nn.Sequential(conv_norm(width, INNER, 1), conv_norm(INNER, INNER, 1))
        self.value_project = nn.Conv2d(width, width, 1)
        self.output_project = conv_norm(width, width, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, width, h, w) to (N, width, h, w)."""
        query, key, value = (
            project(x_NCHW).flatten(2) for project in (self.query_project, self.key_project, self.value_project)
        )
        weights_NQK = (INNER**-0.5 * query.transpose(1, 2) @ key).softmax(dim=2)
        context = value @ weights_NQK.transpose(1, 2)
        return self.output_project(context.view_as(x_NCHW))


class ISAHead(nn.Module):
    """Attention at long range, then at short range, beside the features it starts from (section 3.2)."""

    def __init__(self, c_in: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.in_conv = conv_norm(c_in, width, 3)
        self.global_relation = Attention(width)
        self.local_relation = Attention(width)
        self.out_conv = conv_norm(2 * width, width, 1)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.conv_seg = nn.Conv2d(width, num_classes, 1)

    def forward(self, x_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, c_in, h, w) to logits (N, C, h, w) and the features (N, width, h, w) they are read from."""
        x = self.in_conv(x_NCHW)
        features = self.out_conv(torch.cat([self._interlace(x), x], dim=1))
        return self.conv_seg(self.dropout(features)), features

    def _interlace(self, x_NCHW: Tensor) -> Tensor:
        """Pixel (8 i + a, 8 j + b) attends to all with its (a, b), then to all with its (i, j)."""
        n, c, height, width = x_NCHW.shape
        rows, columns = cover(height, SQUARE), cover(width, SQUARE)
        # zeros around it make the sides multiples of 8; they take part in the attention, as OpenMMLab has it
        below, right = rows * SQUARE - height, columns * SQUARE - width
        top, left = below // 2, right // 2
        x = F.pad(x_NCHW, (left, right - left, top, below - top))

        x = x.view(n, c, rows, SQUARE, columns, SQUARE).permute(0, 3, 5, 1, 2, 4)  # n, a, b, c, i, j
        x = self.global_relation(x.reshape(-1, c, rows, columns))
        x = x.view(n, SQUARE, SQUARE, c, rows, columns).permute(0, 4, 5, 3, 1, 2)  # n, i, j, c, a, b
        x = self.local_relation(x.reshape(-1, c, SQUARE, SQUARE))
        x = x.view(n, rows, columns, c, SQUARE, SQUARE).permute(0, 3, 1, 4, 2, 5)  # n, c, i, a, j, b
        x = x.reshape(n, c, rows * SQUARE, columns * SQUARE)
        return x[:, :, top : top + height, left : left + width]


class ISANet(DilatedNet):
    """Interlaced attention on the backbone's last map."""

    head = ISAHead


def isanet_r18(num_classes: int) -> SegmentationNet:
    """ISANet on ResNetV1c-18, 12.3 M parameters: the paper's student."""
    return ISANet(num_classes, resnet_18(), c_in=512, width=128)


def isanet_r101(num_classes: int) -> SegmentationNet:
    """ISANet on ResNetV1c-101, 54.3 M parameters: the paper's teacher."""
    return ISANet(num_classes, resnet_101(), c_in=2048, width=512)
