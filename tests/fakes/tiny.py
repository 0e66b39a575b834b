"""A network of two convolutions, small enough to be exported in a second."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bpkd_core.bundle import ClassInfo
from bpkd_core.models.base import Outputs, SegmentationNet


class TinyNet(SegmentationNet):
    """Patches of stride x stride pixels, then scores."""

    def __init__(self, num_classes: int, stride: int) -> None:
        super().__init__(num_classes, stride, feature_channels=None)
        self.patches = nn.Conv2d(3, 8, stride, stride)
        self.scores = nn.Conv2d(8, num_classes, 3, padding=1)

    def score(self, images_NCHW: Tensor) -> Outputs:
        return Outputs(self.scores(torch.relu(self.patches(images_NCHW))))


def tiny_net(num_classes: int = 5, *, stride: int = 4, seed: int = 0) -> TinyNet:
    torch.manual_seed(seed)
    return TinyNet(num_classes, stride)


def named(num_classes: int) -> list[ClassInfo]:
    return [ClassInfo(id=index, name=f"class {index}", color=(index % 256, 0, 9)) for index in range(num_classes)]
