"""Segmentation networks by name. Importing this loads torch; what a network needs beyond it loads when it is built."""

from __future__ import annotations

from pathlib import Path

from bpkd_core import catalog
from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.checkpoints import load_backbone, load_checkpoint
from bpkd_core.models.hub import find_weights

__all__ = ["Outputs", "SegmentationNet", "build", "load_checkpoint"]


def build(name: str, *, num_classes: int, pretrained: Path | str | None = None) -> SegmentationNet:
    """Make the network `name` with fresh weights, or with its backbone's from `pretrained`: a file or a hub id.

    For a network that was already trained on these classes, build it fresh and call :func:`load_checkpoint`. Raises
    UnknownName and InvalidCheckpoint.
    """
    net: SegmentationNet = catalog.load("models", name)(num_classes)
    if pretrained is not None:
        load_backbone(net, find_weights(str(pretrained)))
    return net
