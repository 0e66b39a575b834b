"""MobileNetV2 (arXiv 1801.04381), dilated to output stride 8. Key names are OpenMMLab's.

As in its segmentation configuration (m-v2-d8), the last stages dilate by 2 and 4 instead of striding, and only the
first block of a stage strides or dilates.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from bpkd_core.models.blocks import BatchNorm, conv_norm

STAGES = (
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 1),
    (6, 64, 4, 1, 2),
    (6, 96, 3, 1, 2),
    (6, 160, 3, 1, 4),
    (6, 320, 1, 1, 4),
)
"""Expansion, width, blocks, stride and dilation of layer1 to layer7."""

SHOWN = (1, 2, 4, 6)
"""The stages whose maps a head may take, counted from 0."""


def depthwise(
    channels: int, *, stride: int = 1, dilation: int = 1, activation: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    """A 3x3 convolution within each channel, batch norm and activation; ceil(side / stride) pixels a side."""
    convolution = nn.Conv2d(channels, channels, 3, stride, dilation, dilation, groups=channels, bias=False)
    return nn.Sequential(OrderedDict(conv=convolution, bn=BatchNorm(channels), act=activation()))


class InvertedResidual(nn.Module):
    """Expand, filter within channels, project without activation; the input is added where the size stays."""

    def __init__(self, c_in: int, c_out: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        width = c_in * expansion
        expand = [_pointwise(c_in, width)] if expansion > 1 else []
        inside = depthwise(width, stride=stride, dilation=dilation, activation=nn.ReLU6)
        self.conv = nn.Sequential(*expand, inside, conv_norm(width, c_out, 1, relu=False))
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, c_out, ceil(H / stride), ceil(W / stride))."""
        y = self.conv(x_NCHW)
        return x_NCHW + y if self.residual else y


class MobileNetV2(nn.Module):
    """The backbone of width 1, without the classifier's last convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            OrderedDict(conv=nn.Conv2d(3, 32, 3, 2, 1, bias=False), bn=BatchNorm(32), act=nn.ReLU6())
        )
        c_in = 32
        for index, (expansion, c_out, blocks, stride, dilation) in enumerate(STAGES, start=1):
            first = InvertedResidual(c_in, c_out, expansion, stride, dilation)
            others = (InvertedResidual(c_out, c_out, expansion, 1, 1) for _ in range(blocks - 1))
            self.add_module(f"layer{index}", nn.Sequential(first, *others))
            c_in = c_out

    def pyramid(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) to maps of 24 channels at 1/4 and of 32, 96 and 320 channels at 1/8."""
        x, shown = self.conv1(images_NCHW), []
        for index in range(len(STAGES)):
            x = self.get_submodule(f"layer{index + 1}")(x)
            if index in SHOWN:
                shown.append(x)
        first, second, third, fourth = shown
        return first, second, third, fourth


def _pointwise(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(c_in, c_out, 1, bias=False), bn=BatchNorm(c_out), act=nn.ReLU6()))
