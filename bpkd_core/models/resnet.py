"""ResNetV1c, dilated to output stride 8 (arXiv 1512.03385; stem of arXiv 1812.01187; dilation of arXiv 1606.00915).

V1c means three 3x3 convolutions in place of the 7x7 stem. The last two stages dilate by 2 and 4 instead of striding,
and their first block dilates by half of that, as in OpenMMLab (`contract_dilation`), whose key names these are.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.blocks import BatchNorm, conv, projection

STAGES = ((64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4))
"""Width, stride and dilation of layer1 to layer4."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, of which only the first strides and dilates.

    A block starts as the identity (last norm at zero, arXiv 1706.02677, section 5.1), so that depth costs no
    stability when there are no pretrained weights. `expansion` is the output's width over the inner width.
    """

    expansion = 1

    def __init__(self, c_in: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, width, 3, stride, dilation)
        self.bn1 = BatchNorm(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = BatchNorm(width)
        nn.init.zeros_(self.bn2.weight)
        self.downsample = projection(c_in, width, stride)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, width, ceil(H / stride), ceil(W / stride))."""
        y = F.relu_(self.bn1(self.conv1(x_NCHW)))
        y = self.bn2(self.conv2(y))
        return F.relu_(y + (x_NCHW if self.downsample is None else self.downsample(x_NCHW)))


class Bottleneck(nn.Module):
    """1x1, 3x3 (which strides and dilates), 1x1 to four times the width. It starts as the identity, too."""

    expansion = 4

    def __init__(self, c_in: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        c_out = width * self.expansion
        self.conv1 = conv(c_in, width, 1)
        self.bn1 = BatchNorm(width)
        self.conv2 = conv(width, width, 3, stride, dilation)
        self.bn2 = BatchNorm(width)
        self.conv3 = conv(width, c_out, 1)
        self.bn3 = BatchNorm(c_out)
        nn.init.zeros_(self.bn3.weight)
        self.downsample = projection(c_in, c_out, stride)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, 4 width, ceil(H / stride), ceil(W / stride))."""
        y = F.relu_(self.bn1(self.conv1(x_NCHW)))
        y = F.relu_(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu_(y + (x_NCHW if self.downsample is None else self.downsample(x_NCHW)))


Block = type[BasicBlock] | type[Bottleneck]


class ResNet(nn.Module):
    """A backbone of four stages; `depths` counts their blocks."""

    def __init__(self, block: Block, depths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.stem = _stem(32, 64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        c_in, stages = 64, []
        for (width, stride, dilation), depth in zip(STAGES, depths, strict=True):
            stages.append(_stage(block, depth, c_in, width, stride, dilation))
            c_in = width * block.expansion
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) to the maps of layer3 and layer4, both at 1/8."""
        _, _, third, fourth = self.pyramid(images_NCHW)
        return third, fourth

    def pyramid(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) to the maps of layer1, at 1/4, and of layer2 to layer4, all at 1/8."""
        first = self.layer1(self.maxpool(self.stem(images_NCHW)))
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)


def resnet_18() -> ResNet:
    """ResNetV1c-18: 256 and 512 channels."""
    return ResNet(BasicBlock, (2, 2, 2, 2))


def resnet_101() -> ResNet:
    """ResNetV1c-101: 1024 and 2048 channels."""
    return ResNet(Bottleneck, (3, 4, 23, 3))


def _stem(half: int, full: int) -> nn.Sequential:
    channels = ((3, half, 2), (half, half, 1), (half, full, 1))
    layers = [
        (conv(c_in, c_out, 3, stride), BatchNorm(c_out), nn.ReLU(inplace=True)) for c_in, c_out, stride in channels
    ]
    return nn.Sequential(*(part for layer in layers for part in layer))


def _stage(block: Block, depth: int, c_in: int, width: int, stride: int, dilation: int) -> nn.Sequential:
    first = block(c_in, width, stride, max(1, dilation // 2))
    return nn.Sequential(first, *(block(width * block.expansion, width, 1, dilation) for _ in range(depth - 1)))
