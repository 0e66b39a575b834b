"""What every network here is: a module from normalised images to raw class scores at a known stride."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F


class Outputs(NamedTuple):
    """What a network returns while it trains.

    logits: (N, C, h, w) raw scores of the main head.
    aux: raw scores of the auxiliary heads, each (N, C, h', w'), possibly none; the loss weighs them 0.4.
    features: (N, D, h, w), what the main head's classifier takes, before its dropout: what feature distillation
        compares. None where a network hides them, as an ONNX file does.
    """

    logits: Tensor
    aux: tuple[Tensor, ...] = ()
    features: Tensor | None = None


class SegmentationNet(nn.Module, ABC):
    """A network with a segmentation head.

    num_classes: C, the channels of the logits.
    stride: the logits are 1/stride of the image, rounded up where a side is not a multiple of it.
    feature_channels: D of Outputs.features; None where the network has none to show.
    backbone_prefix: key prefix of the backbone, which pretrained features are loaded into.
    auxiliary: key prefixes of the heads that exist only to be trained with. A checkpoint may leave them out, and so
        does the catalog's parameter count.
    """

    backbone_prefix: str = "backbone."
    auxiliary: tuple[str, ...] = ()

    def __init__(self, num_classes: int, stride: int, feature_channels: int | None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.stride = stride
        self.feature_channels = feature_channels

    def forward(self, images_NCHW: Tensor) -> Tensor | Outputs:
        """Score normalised float RGB images (N, 3, H, W).

        Returns the raw logits (N, C, h, w) in eval mode and Outputs in training mode.
        """
        outputs = self.score(images_NCHW)
        return outputs if self.training else outputs.logits

    def logits_size(self, image_hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the logits of an image of this size."""
        height, width = (-(-side // self.stride) for side in image_hw)
        return height, width

    @abstractmethod
    def score(self, images_NCHW: Tensor) -> Outputs:
        """Run the network; the auxiliary heads only in training mode."""

    def translate_keys(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Weights of a whole network, or of its backbone alone, under the names that this class gives them.

        The names are other libraries'; what is not understood is left as it is, for the strict comparison to name.
        """
        return weights

    def conform(self, weights: Mapping[str, Tensor]) -> None:
        """Take the variant of this architecture that a whole checkpoint, under our own keys, was saved from."""


class Downscaled(SegmentationNet):
    """A network that looks at images reduced by an integer factor: means over squares, then the network.

    It is exported, checked and judged like any other, with `factor` times the stride. Its input must be a multiple of
    the factor, as every padded image is.
    """

    def __init__(self, net: SegmentationNet, factor: int) -> None:
        super().__init__(net.num_classes, net.stride * factor, net.feature_channels)
        self.net = net
        self.factor = factor
        self.backbone_prefix = f"net.{net.backbone_prefix}"
        self.auxiliary = tuple(f"net.{prefix}" for prefix in net.auxiliary)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to what the network says of (N, 3, H / factor, W / factor)."""
        return self.net.score(F.avg_pool2d(images_NCHW, self.factor))


def downscaled(net: SegmentationNet, factor: int) -> SegmentationNet:
    """The network itself for factor 1."""
    return net if factor == 1 else Downscaled(net, factor)
