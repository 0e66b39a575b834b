"""HRNetV2 (arXiv 1908.07919): branches at 1/4, 1/8, 1/16 and 1/32 that run side by side and exchange features.

All four are brought to 1/4 and classified there, without an auxiliary head. Key names are OpenMMLab's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import BatchNorm, conv, initialise, resize
from bpkd_core.models.fcn import FCNHead
from bpkd_core.models.resnet import BasicBlock, Bottleneck

STEM = 64
"""Channels of the stem, and inner channels of the bottlenecks behind it."""


class Fusion(nn.ModuleList):
    """What one branch makes of all: the sum of what its paths bring from each (section 3.2)."""

    def __init__(self, widths: Sequence[int], target: int) -> None:
        super().__init__(_path(widths, source, target) for source in range(len(widths)))
        self.target = target

    def forward(self, maps: list[Tensor]) -> Tensor:
        """One map a branch to the new map of this branch, of the same shape as its old one."""
        total = maps[self.target]
        for source, (path, x) in enumerate(zip(self, maps, strict=True)):
            if source < self.target:
                total = total + path(x)
            elif source > self.target:
                total = total + _enlarge(path(x), 2 ** (source - self.target), like_NCHW=total)
        return F.relu(total)


class Exchange(nn.Module):
    """Residual blocks on each branch, then the fusions.

    widths: channels of the branches, the finest first; blocks: residual blocks on each.
    """

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width, 1, 1) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(Fusion(widths, target) for target in range(len(widths)))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """One map a branch to one map a branch, of the same shapes."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [fuse(maps) for fuse in self.fuse_layers]


class HRNet(nn.Module):
    """The backbone.

    width: channels of the finest branch; blocks: residual blocks on a branch between two exchanges; exchanges: how
    many there are in stages 2, 3 and 4.
    """

    def __init__(self, width: int, blocks: int, exchanges: tuple[int, int, int]) -> None:
        super().__init__()
        widths = [width * 2**branch for branch in range(4)]
        self.conv1, self.bn1 = conv(3, STEM, 3, 2), BatchNorm(STEM)
        self.conv2, self.bn2 = conv(STEM, STEM, 3, 2), BatchNorm(STEM)
        wide = STEM * Bottleneck.expansion
        self.layer1 = nn.Sequential(*(Bottleneck(wide if block else STEM, STEM, 1, 1) for block in range(blocks)))
        self.transition1 = _transition([wide], widths[:2])
        self.stage2 = _stage(widths[:2], blocks, exchanges[0])
        self.transition2 = _transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3], blocks, exchanges[1])
        self.transition3 = _transition(widths[:3], widths)
        self.stage4 = _stage(widths, blocks, exchanges[2])

    def forward(self, images_NCHW: Tensor) -> list[Tensor]:
        """(N, 3, H, W) to four maps, at 1/4, 1/8, 1/16 and 1/32."""
        x = F.relu_(self.bn1(self.conv1(images_NCHW)))
        maps = [self.layer1(F.relu_(self.bn2(self.conv2(x))))]
        for transition, stage in (
            (self.transition1, self.stage2),
            (self.transition2, self.stage3),
            (self.transition3, self.stage4),
        ):
            coarsest = len(maps) - 1
            maps = stage([path(maps[min(branch, coarsest)]) for branch, path in enumerate(transition)])
        return maps


class HRNetFCN(SegmentationNet):
    """HRNetV2 with a 1x1 convolution and a classifier over the four maps beside each other."""

    def __init__(self, num_classes: int, backbone: HRNet, width: int) -> None:
        together = width * (1 + 2 + 4 + 8)
        super().__init__(num_classes, stride=4, feature_channels=together)
        self.backbone = backbone
        self.decode_head = FCNHead(together, together, num_classes, kernel=1, dropout=0.0)
        initialise(self)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 4), ceil(W / 4)); no auxiliary head."""
        maps = self.backbone(images_NCHW)
        together = torch.cat([maps[0], *(resize(x, like_NCHW=maps[0]) for x in maps[1:])], dim=1)
        features = self.decode_head.convs(together)
        return Outputs(self.decode_head.classify(features), features=features)


def hrnet_w18s(num_classes: int) -> SegmentationNet:
    """HRNetV2-W18-small, 3.9 M parameters: the paper's student."""
    return HRNetFCN(num_classes, HRNet(18, blocks=2, exchanges=(1, 3, 2)), 18)


def hrnet_w48(num_classes: int) -> SegmentationNet:
    """HRNetV2-W48, 65.9 M parameters: the paper's teacher."""
    return HRNetFCN(num_classes, HRNet(48, blocks=4, exchanges=(1, 4, 3)), 48)


def _stage(widths: Sequence[int], blocks: int, exchanges: int) -> nn.Sequential:
    return nn.Sequential(*(Exchange(widths, blocks) for _ in range(exchanges)))


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """What leads into a stage: each branch from its own map, a new one from the coarsest, at half its size."""
    paths = [
        nn.Identity() if c_in == c_out else _layer(c_in, c_out, 1) for c_in, c_out in zip(before, after, strict=False)
    ]
    return nn.ModuleList([*paths, *(nn.Sequential(_layer(before[-1], c_out, 2)) for c_out in after[len(before) :])])


def _path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """From one branch to another; what arrives is left raw, because it is summed, and enlarged by whoever sums."""
    c_in, c_out, halvings = widths[source], widths[target], target - source
    if halvings == 0:
        return nn.Identity()
    if halvings < 0:
        return nn.Sequential(conv(c_in, c_out, 1), BatchNorm(c_out))
    steps = [_layer(c_in, c_in, 2) for _ in range(halvings - 1)]
    return nn.Sequential(*steps, _layer(c_in, c_out, 2)[:2])


def _layer(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(conv(c_in, c_out, 3, stride), BatchNorm(c_out), nn.ReLU(inplace=True))


def _enlarge(maps_NChw: Tensor, factor: int, *, like_NCHW: Tensor) -> Tensor:
    """By the factor, then to the size that is asked for: OpenMMLab's two steps.

    The second changes something only where an odd side was halved, and the enlarged map is some pixels too long.
    """
    enlarged = F.interpolate(maps_NChw, scale_factor=factor, mode="bilinear", align_corners=False)
    return resize(enlarged, like_NCHW=like_NCHW)
