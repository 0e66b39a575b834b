"""UPerNet (arXiv 1807.10221) on Swin-T, with the auxiliary head. Key names are OpenMMLab's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import DROPOUT, conv_norm, initialise, resize
from bpkd_core.models.fcn import FCNHead
from bpkd_core.models.pspnet import BINS, AdaptivePool
from bpkd_core.models.swin import WIDTHS, SwinT

WIDTH = 512


class UPerHead(nn.Module):
    """Pyramid pooling at 1/32, a top-down path to 1/4, and all levels fused there (figure 4)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        *finer, coarsest = WIDTHS
        self.psp_modules = nn.ModuleList(
            nn.Sequential(AdaptivePool(bins), conv_norm(coarsest, WIDTH, 1)) for bins in BINS
        )
        self.bottleneck = conv_norm(coarsest + len(BINS) * WIDTH, WIDTH, 3)
        self.lateral_convs = nn.ModuleList(conv_norm(width, WIDTH, 1) for width in finer)
        self.fpn_convs = nn.ModuleList(conv_norm(WIDTH, WIDTH, 3) for _ in finer)
        self.fpn_bottleneck = conv_norm(len(WIDTHS) * WIDTH, WIDTH, 3)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.conv_seg = nn.Conv2d(WIDTH, num_classes, 1)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Maps (N, C_i, h_i, w_i), finest first, to logits (N, C, h, w) and features (N, 512, h, w)."""
        *finer, coarsest = maps
        contexts = [resize(module(coarsest), like_NCHW=coarsest) for module in self.psp_modules]
        levels = [self.bottleneck(torch.cat([coarsest, *contexts], dim=1))]
        for lateral, level in zip(reversed(self.lateral_convs), reversed(finer), strict=True):
            side = lateral(level)
            levels.insert(0, side + resize(levels[0], like_NCHW=side))
        levels[:-1] = [convolve(level) for convolve, level in zip(self.fpn_convs, levels[:-1], strict=True)]
        features = self.fpn_bottleneck(torch.cat([resize(level, like_NCHW=levels[0]) for level in levels], dim=1))
        return self.conv_seg(self.dropout(features)), features


class UPerNet(SegmentationNet):
    """Swin-T and the head on its four maps; the auxiliary head is on the third."""

    auxiliary = ("auxiliary_head.",)

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=WIDTH)
        self.backbone = SwinT()
        self.decode_head = UPerHead(num_classes)
        self.auxiliary_head = FCNHead(WIDTHS[2], 256, num_classes)
        initialise(self.decode_head)
        initialise(self.auxiliary_head)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4)), and one auxiliary at 1/16 in training."""
        maps = self.backbone(images_NCHW)
        logits, features = self.decode_head(maps)
        return Outputs(logits, (self.auxiliary_head(maps[2]),) if self.training else (), features)


def upernet_swin_t(num_classes: int) -> SegmentationNet:
    """UPerNet on Swin-T, 58.9 M parameters."""
    return UPerNet(num_classes)
