"""What the training loop asks of a teacher."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from bpkd_core.models.base import Outputs


class Teacher(Protocol):
    """Something that scores the pixels of the batch that the student sees, and learns nothing from it."""

    @property
    def num_classes(self) -> int:
        """C, the channels of its logits: the dataset's classes in the dataset's order."""
        ...

    @property
    def feature_channels(self) -> int | None:
        """D of its features; None for a teacher that shows logits alone."""
        ...

    def look(self, images_N3HW: Tensor) -> Outputs:
        """Score uint8 RGB images on the student's device; raw logits (N, C, h, w) of any h and w, without gradients."""
        ...
