"""A teacher that torch runs."""

from __future__ import annotations

import torch
from torch import Tensor

from bpkd_core.data.transforms import normalise
from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.train.precision import autocast


class TorchTeacher:
    """A network in eval mode: frozen, without gradients, in nobody's optimizer and nobody's file.

    precision: as in :class:`bpkd_core.spec.Train`. The network moves to the device, in channels-last layout.
    """

    def __init__(self, net: SegmentationNet, *, precision: str, device: torch.device) -> None:
        self.net = net.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self.precision = precision

    @property
    def num_classes(self) -> int:
        """The network's."""
        return self.net.num_classes

    @property
    def feature_channels(self) -> int | None:
        """The network's."""
        return self.net.feature_channels

    @torch.no_grad()
    def look(self, images_N3HW: Tensor) -> Outputs:
        """Score uint8 RGB images of the network's own size."""
        inputs = normalise(images_N3HW).contiguous(memory_format=torch.channels_last)
        with autocast(self.precision, inputs.device):
            return self.net.score(inputs)
