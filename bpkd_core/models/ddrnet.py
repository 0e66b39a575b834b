"""DDRNet-23 (arXiv 2101.06085): a high-resolution branch at 1/8 beside a deep one that goes down to 1/64.

The two exchange features twice; a pyramid of pooled contexts (DAPPM) closes the deep branch; their sum is
classified at 1/8. Key names are OpenMMLab's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import BatchNorm, conv_norm, initialise, norm_conv, projection, resize
from bpkd_core.models.dappm import DAPPM


class Residual(nn.Module):
    """A basic block (3x3, 3x3) or a bottleneck (1x1, 3x3, 1x1 to twice the width).

    `relu` off leaves the sum raw, for whoever adds another branch to it before activating.
    """

    def __init__(self, c_in: int, width: int, stride: int = 1, *, bottleneck: bool = False, relu: bool = True) -> None:
        super().__init__()
        c_out = 2 * width if bottleneck else width
        self.conv1 = conv_norm(c_in, width, 1) if bottleneck else conv_norm(c_in, width, 3, stride)
        self.conv2 = conv_norm(width, width, 3, stride) if bottleneck else conv_norm(width, width, 3, relu=False)
        self.conv3 = conv_norm(width, c_out, 1, relu=False) if bottleneck else None
        self.downsample = projection(c_in, c_out, stride)
        self.relu = relu

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, c_out, ceil(H / stride), ceil(W / stride))."""
        y = self.conv2(self.conv1(x_NCHW))
        if self.conv3 is not None:
            y = self.conv3(y)
        y = y + (x_NCHW if self.downsample is None else self.downsample(x_NCHW))
        return F.relu_(y) if self.relu else y


def pair(c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    """Two basic blocks whose last sum is left raw."""
    return nn.Sequential(Residual(c_in, c_out, stride), Residual(c_out, c_out, relu=False))


def bottleneck(c_in: int, width: int, stride: int = 1) -> nn.Sequential:
    """One bottleneck whose sum is left raw."""
    return nn.Sequential(Residual(c_in, width, stride, bottleneck=True, relu=False))


class Backbone(nn.Module):
    """Stem and both branches; `c` is the width of the first stage."""

    def __init__(self, c: int, pooled: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_norm(3, c, 3, stride=2),
            conv_norm(c, c, 3, stride=2),
            pair(c, c),
            nn.ReLU(),
            pair(c, 2 * c, stride=2),
            nn.ReLU(),
        )
        self.context_branch_layers = nn.ModuleList(
            [pair(2 * c, 4 * c, stride=2), pair(4 * c, 8 * c, stride=2), bottleneck(8 * c, 8 * c, stride=2)]
        )
        self.spatial_branch_layers = nn.ModuleList([pair(2 * c, 2 * c), pair(2 * c, 2 * c), bottleneck(2 * c, 2 * c)])
        self.compression_1 = conv_norm(4 * c, 2 * c, 1, relu=False)
        self.down_1 = conv_norm(2 * c, 4 * c, 3, stride=2, relu=False)
        self.compression_2 = conv_norm(8 * c, 2 * c, 1, relu=False)
        self.down_2 = nn.Sequential(
            conv_norm(2 * c, 4 * c, 3, stride=2), conv_norm(4 * c, 8 * c, 3, stride=2, relu=False)
        )
        self.spp = DAPPM(16 * c, pooled, 4 * c)

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) to two raw feature maps at 1/8.

        The first is the high-resolution branch after one exchange, 2c wide; the second is the result, 4c wide.
        """
        x = self.stem(images_NCHW)
        deep, high = self.context_branch_layers[0](x), self.spatial_branch_layers[0](x)
        deep, early = _exchange(deep, high, self.compression_1, self.down_1)

        deep = self.context_branch_layers[1](F.relu_(deep))
        high = self.spatial_branch_layers[1](F.relu(early))
        deep, high = _exchange(deep, high, self.compression_2, self.down_2)

        deep = self.spp(self.context_branch_layers[2](F.relu_(deep)))
        high = self.spatial_branch_layers[2](F.relu_(high))
        return early, high + resize(deep, like_NCHW=high)


class Head(nn.Module):
    """Classifiers at 1/8: the main one, and the auxiliary one on the early high-resolution features."""

    def __init__(self, c: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.head = _hidden(4 * c, width)
        self.conv_seg = nn.Conv2d(width, num_classes, 1)
        self.aux_head = _hidden(2 * c, width)
        self.aux_cls_seg = nn.Conv2d(width, num_classes, 1)

    def forward(self, x_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 4c, h, w) to logits (N, C, h, w) and the features (N, width, h, w) they are read from."""
        features = self.head(x_NCHW)
        return self.conv_seg(features), features

    def auxiliary(self, early_NCHW: Tensor) -> Tensor:
        """(N, 2c, h, w) to logits (N, C, h, w)."""
        return self.aux_cls_seg(self.aux_head(early_NCHW))


class DDRNet(SegmentationNet):
    """DDRNet-23 of any width.

    c: channels of the first stage; pooled: of each branch of the pyramid; head: of the head's hidden layer.
    """

    auxiliary = ("decode_head.aux_head.", "decode_head.aux_cls_seg.")

    def __init__(self, num_classes: int, *, c: int, pooled: int, head: int) -> None:
        super().__init__(num_classes, stride=8, feature_channels=head)
        self.backbone = Backbone(c, pooled)
        self.decode_head = Head(c, head, num_classes)
        initialise(self)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 8), ceil(W / 8)), and one auxiliary of that size in training."""
        early, features = self.backbone(images_NCHW)
        logits, features = self.decode_head(features)
        return Outputs(logits, (self.decode_head.auxiliary(early),) if self.training else (), features)


def ddrnet_23(num_classes: int) -> SegmentationNet:
    """DDRNet-23, 20.1 M parameters."""
    return DDRNet(num_classes, c=64, pooled=128, head=128)


def ddrnet_23_slim(num_classes: int) -> SegmentationNet:
    """DDRNet-23-slim, 5.7 M parameters."""
    return DDRNet(num_classes, c=32, pooled=128, head=64)


def ddrnet_23_nano(num_classes: int) -> SegmentationNet:
    """DDRNet-23 at half the width of slim throughout (ours), 1.4 M parameters."""
    return DDRNet(num_classes, c=16, pooled=64, head=32)


def _exchange(deep: Tensor, high: Tensor, compress: nn.Module, down: nn.Module) -> tuple[Tensor, Tensor]:
    """Add each branch's activated features to the other's raw sum (paper, equation 1)."""
    compressed, lowered = compress(F.relu(deep)), down(F.relu(high))
    return deep + lowered, high + resize(compressed, like_NCHW=high)


def _hidden(c_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(norm_conv(c_in, width, 3), BatchNorm(width), nn.ReLU(inplace=True))
