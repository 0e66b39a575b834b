"""A dilated ResNet with a head on its last map and the auxiliary head on layer3. Key names are OpenMMLab's."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.blocks import initialise
from bpkd_core.models.fcn import FCNHead
from bpkd_core.models.resnet import ResNet


class DilatedNet(SegmentationNet):
    """A backbone that gives two maps at 1/8, of c_in / 2 and c_in channels, and the heads on them.

    head: the main head's class, built with (c_in, width, num_classes); it gives logits and the features behind them.
    """

    auxiliary = ("auxiliary_head.",)
    head: ClassVar[type[nn.Module]]

    def __init__(self, num_classes: int, backbone: ResNet, *, c_in: int, width: int) -> None:
        super().__init__(num_classes, stride=8, feature_channels=width)
        self.backbone = backbone
        self.decode_head = self.head(c_in, width, num_classes)
        self.auxiliary_head = FCNHead(c_in // 2, width // 2, num_classes)
        initialise(self)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / 8), ceil(W / 8)), and one auxiliary of that size in training."""
        third, fourth = self.backbone(images_NCHW)
        logits, features = self.decode_head(fourth)
        return Outputs(logits, (self.auxiliary_head(third),) if self.training else (), features)
