"""DeepLabV3+ (arXiv 1802.02611) with separable convolutions, and the auxiliary head. Key names are OpenMMLab's."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import DROPOUT, conv_norm, initialise, resize
from bpkd_core.models.fcn import FCNHead
from bpkd_core.models.mobilenet import MobileNetV2, depthwise
from bpkd_core.models.resnet import ResNet, resnet_101

DILATIONS = (12, 24, 36)
"""Of the three context branches, at output stride 8 (section 4.1 of arXiv 1706.05587, doubled)."""

WIDTH, DETAIL = 512, 48
"""Channels of the head, and those to which the map at 1/4 is reduced (OpenMMLab's configuration)."""


class SeparableASPPHead(nn.Module):
    """Contexts by dilated convolutions at 1/8, refined at 1/4 together with an early map of the backbone."""

    def __init__(self, c_in: int, c_early: int, num_classes: int) -> None:
        super().__init__()
        self.image_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_norm(c_in, WIDTH, 1))
        self.aspp_modules = nn.ModuleList(
            [conv_norm(c_in, WIDTH, 1), *(_separable(c_in, WIDTH, dilation) for dilation in DILATIONS)]
        )
        self.bottleneck = conv_norm((len(self.aspp_modules) + 1) * WIDTH, WIDTH, 3)
        self.c1_bottleneck = conv_norm(c_early, DETAIL, 1)
        self.sep_bottleneck = nn.Sequential(_separable(WIDTH + DETAIL, WIDTH), _separable(WIDTH, WIDTH))
        self.dropout = nn.Dropout2d(DROPOUT)
        self.conv_seg = nn.Conv2d(WIDTH, num_classes, 1)

    def forward(self, early_NCHW: Tensor, x_NChw: Tensor) -> tuple[Tensor, Tensor]:
        """(N, c_early, H, W) and (N, c_in, h, w) to logits (N, C, H, W) and features (N, 512, H, W)."""
        contexts = [
            resize(self.image_pool(x_NChw), like_NCHW=x_NChw),
            *(module(x_NChw) for module in self.aspp_modules),
        ]
        context = resize(self.bottleneck(torch.cat(contexts, dim=1)), like_NCHW=early_NCHW)
        features = self.sep_bottleneck(torch.cat([context, self.c1_bottleneck(early_NCHW)], dim=1))
        return self.conv_seg(self.dropout(features)), features


class DeepLabV3Plus(SegmentationNet):
    """A backbone that gives a map of c_early channels at 1/4 and maps of c_aux and c_in channels at 1/8."""

    auxiliary = ("auxiliary_head.",)

    def __init__(
        self, num_classes: int, backbone: ResNet | MobileNetV2, *, c_early: int, c_aux: int, c_in: int
    ) -> None:
        super().__init__(num_classes, stride=4, feature_channels=WIDTH)
        self.backbone = backbone
        self.decode_head = SeparableASPPHead(c_in, c_early, num_classes)
        self.auxiliary_head = FCNHead(c_aux, 256, num_classes)
        initialise(self)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4)), and one auxiliary at 1/8 in training."""
        early, _, third, fourth = self.backbone.pyramid(images_NCHW)
        logits, features = self.decode_head(early, fourth)
        return Outputs(logits, (self.auxiliary_head(third),) if self.training else (), features)


def deeplabv3plus_mv2(num_classes: int) -> SegmentationNet:
    """DeepLabV3+ on MobileNetV2: the paper's student, 15.345 M parameters with 150 classes and the auxiliary head."""
    return DeepLabV3Plus(num_classes, MobileNetV2(), c_early=24, c_aux=96, c_in=320)


def deeplabv3plus_r101(num_classes: int) -> SegmentationNet:
    """DeepLabV3+ on ResNetV1c-101: the paper's teacher, 62.68 M parameters, counted in the same way."""
    return DeepLabV3Plus(num_classes, resnet_101(), c_early=256, c_aux=1024, c_in=2048)


def _separable(c_in: int, c_out: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(depthwise_conv=depthwise(c_in, dilation=dilation), pointwise_conv=conv_norm(c_in, c_out, 1))
    )
