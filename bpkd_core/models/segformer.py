"""SegFormer (arXiv 2105.15203): a Mix Transformer and an all-MLP head. Key names are OpenMMLab's.

OpenMMLab's head is another network than the paper's: each stage's layer has a batch norm and a ReLU, and all sizes are
256 wide. A network is built with the paper's head, and takes OpenMMLab's when such a checkpoint is loaded. Files from
the transformers hub, which have the paper's head, load too (:mod:`bpkd_core.models.segformer_hub`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import DROPOUT, conv_norm, resize
from bpkd_core.models.mit import MixTransformer
from bpkd_core.models.segformer_hub import from_hub

NARROW, WIDE = (32, 64, 160, 256), (64, 128, 320, 512)


class AllMLPHead(nn.Module):
    """Each stage's map to one width, enlarged to 1/4 and mixed, all by 1x1 convolutions (section 3.2).

    normed: with a batch norm and a ReLU behind each stage's convolution, as OpenMMLab has it.
    """

    def __init__(self, channels: tuple[int, ...], width: int, num_classes: int, *, normed: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv_norm(c, width, 1) if normed else nn.Conv2d(c, width, 1) for c in channels)
        self.fusion_conv = conv_norm(len(channels) * width, width, 1)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.conv_seg = nn.Conv2d(width, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Maps (N, C_i, h_i, w_i), the finest first, to logits (N, C, h, w) and features (N, width, h, w)."""
        levels = [resize(conv(x), like_NCHW=maps[0]) for conv, x in zip(self.convs, maps, strict=True)]
        features = self.fusion_conv(torch.cat(levels, dim=1))
        return self.conv_seg(self.dropout(features)), features


class SegFormer(SegmentationNet):
    """An encoder of four stages and a head; no auxiliary head.

    channels and depths: of the stages; head: channels of the head. Images of 32 pixels a side and more.
    """

    def __init__(self, num_classes: int, *, channels: tuple[int, ...], depths: tuple[int, ...], head: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=head)
        self.channels = channels
        self.backbone = MixTransformer(channels, depths)
        self.decode_head = AllMLPHead(channels, head, num_classes, normed=False)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4))."""
        logits, features = self.decode_head(self.backbone(images_NCHW))
        return Outputs(logits, features=features)

    def translate_keys(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Understands the hub's names, those in its files and those of the transformers library in memory."""
        return from_hub(weights)

    def conform(self, weights: Mapping[str, Tensor]) -> None:
        """Take OpenMMLab's head, of the width that it has in the file, where the file holds one."""
        normed = "decode_head.convs.0.conv.weight" in weights
        if normed and (classifier := weights.get("decode_head.conv_seg.weight")) is not None:
            self.feature_channels = classifier.shape[1]
            head = AllMLPHead(self.channels, self.feature_channels, self.num_classes, normed=True)
            self.decode_head = head.to(classifier.device).train(self.training)


def segformer_b0(num_classes: int) -> SegmentationNet:
    """SegFormer-B0, 3.7 M parameters."""
    return SegFormer(num_classes, channels=NARROW, depths=(2, 2, 2, 2), head=256)


def segformer_b1(num_classes: int) -> SegmentationNet:
    """SegFormer-B1, 13.7 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(2, 2, 2, 2), head=256)


def segformer_b2(num_classes: int) -> SegmentationNet:
    """SegFormer-B2, 27.4 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 4, 6, 3), head=768)


def segformer_b3(num_classes: int) -> SegmentationNet:
    """SegFormer-B3, 47.2 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 4, 18, 3), head=768)


def segformer_b4(num_classes: int) -> SegmentationNet:
    """SegFormer-B4, 64.0 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 8, 27, 3), head=768)


def segformer_b5(num_classes: int) -> SegmentationNet:
    """SegFormer-B5, 84.6 M parameters."""
    return SegFormer(num_classes, channels=WIDE, depths=(3, 6, 40, 3), head=768)
