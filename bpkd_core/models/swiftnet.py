"""SwiftNet (arXiv 1903.08469): a ResNet-18 encoder, pyramid pooling, and a ladder of one cheap step a stage up to 1/4.

Three widths of one design. It learns fast from scratch and keeps thin things, because every step of the ladder takes
the encoder's map of its own resolution; all its convolutions are dense, which CPUs run well. Ours (D): the stem is two
strided 3x3 convolutions instead of a strided 7x7 and a pooling, so that few channels are spent at full resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import conv_norm, initialise, norm_conv, resize
from bpkd_core.models.pspnet import AdaptivePool
from bpkd_core.models.resnet import BasicBlock

BINS = (1, 2, 4)


class PyramidPooling(nn.Module):
    """Means over coarse grids beside the features, at the bottom of the ladder (section 3.2)."""

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.reduce = norm_conv(c_in, width, 1)
        self.levels = nn.ModuleList(nn.Sequential(AdaptivePool(bins), norm_conv(width, width // 4, 1)) for bins in BINS)
        self.fuse = norm_conv(width + len(BINS) * (width // 4), width, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, h, w) to (N, width, h, w)."""
        x = self.reduce(x_NCHW)
        return self.fuse(torch.cat([x, *(resize(level(x), like_NCHW=x) for level in self.levels)], dim=1))


class LadderStep(nn.Module):
    """Upsample, add the encoder's map of that resolution, blend (section 3.3)."""

    def __init__(self, c_skip: int, width: int) -> None:
        super().__init__()
        self.lateral = norm_conv(c_skip, width, 1)
        self.blend = norm_conv(width, width, 3)

    def forward(self, deep_NChw: Tensor, skip_NCHW: Tensor) -> Tensor:
        """(N, width, h, w) and (N, c_skip, H, W) to (N, width, H, W)."""
        skip = self.lateral(skip_NCHW)
        return self.blend(resize(deep_NChw, like_NCHW=skip) + skip)


class SwiftNet(SegmentationNet):
    """Four stages of two blocks, `width` channels at 1/4 and twice as many each stage; `2 width` in the ladder."""

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=2 * width)
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.stem = nn.Sequential(conv_norm(3, width, 3, stride=2), conv_norm(width, width, 3, stride=2))
        self.stages = nn.ModuleList(
            nn.Sequential(BasicBlock(c_in, c_out, stride, 1), BasicBlock(c_out, c_out, 1, 1))
            for c_in, c_out, stride in zip([width, *widths[:-1]], widths, (1, 2, 2, 2), strict=True)
        )
        self.context = PyramidPooling(widths[-1], 2 * width)
        self.ladder = nn.ModuleList(LadderStep(c_skip, 2 * width) for c_skip in reversed(widths[:-1]))
        self.head = norm_conv(2 * width, 2 * width, 3)
        self.classify = nn.Sequential(nn.BatchNorm2d(2 * width), nn.ReLU(), nn.Conv2d(2 * width, num_classes, 1))
        initialise(self)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4)); no auxiliary head."""
        x = self.stem(images_NCHW)
        maps = [x := stage(x) for stage in self.stages]
        x = self.context(maps.pop())
        for step in self.ladder:
            x = step(x, maps.pop())
        features = self.classify[:-1](self.head(x))
        return Outputs(self.classify[-1](features), features=features)


def swiftnet_r18(num_classes: int) -> SegmentationNet:
    """The published width."""
    return SwiftNet(num_classes, width=64)


def swiftnet_r18_slim(num_classes: int) -> SegmentationNet:
    """Half the width (D)."""
    return SwiftNet(num_classes, width=32)


def swiftnet_r18_nano(num_classes: int) -> SegmentationNet:
    """A quarter of the width (D): real time on one CPU core."""
    return SwiftNet(num_classes, width=16)
