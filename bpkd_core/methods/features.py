"""Methods that compare features beside logits: what a network's last classifier takes in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.base import Losses, Pair, aligned, check_logits


@dataclass(kw_only=True, eq=False)
class FeatureMethod(nn.Module, ABC):
    """A method on logits and features. Subclasses add their options as fields and implement :meth:`compare`.

    student_channels, teacher_channels: D of either network's features. They may differ in size and in channels.
    A module, because most of these learn a map from one feature space to the other; that map belongs to the training
    and to nobody's exported file.
    """

    num_classes: int
    ignore_index: int = 255
    student_channels: int
    teacher_channels: int

    def __post_init__(self) -> None:
        """Make the module; a subclass calls this before it adds parts. Raises InvalidInput for an option."""
        super().__init__()

    def forward(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor, *, features: Pair) -> Losses:
        """Compare logits and features of one batch.

        student_NChw, teacher_NChw, labels_NHW: as for :class:`bpkd_core.methods.base.LogitMethod`. features: the
        student's (N, D, h', w') and the teacher's, which is resized to the student's size like the logits.

        Computes in float32 with autocast off; float64 stays float64, of a method that was made double. Raises
        InvalidInput where batch, classes or channels disagree.
        """
        logits = student_NChw, teacher_NChw
        check_logits(logits, labels_NHW, self.num_classes)
        self._check_features(features, len(labels_NHW))
        with torch.autocast(student_NChw.device.type, enabled=False):
            return self.compare(aligned(logits), aligned(features), labels_NHW)

    @abstractmethod
    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        """The method itself, student and teacher of one size and type. Called by :meth:`forward`."""

    def _check_features(self, features: Pair, images: int) -> None:
        channels = self.student_channels, self.teacher_channels
        for who, features_NDhw, expected in zip(("student", "teacher"), features, channels, strict=True):
            if features_NDhw.ndim != 4 or tuple(features_NDhw.shape[:2]) != (images, expected):
                raise InvalidInput(
                    f"The {who}'s features have the shape {tuple(features_NDhw.shape)}; they must have ({images}, "
                    f"{expected}, height, width): images, then the channels that the method was built for.",
                    param=who,
                )


def unit(vectors: Tensor, dim: int, eps: float = 1e-8) -> Tensor:
    """Vectors along `dim` at length 1; one shorter than `eps` becomes 0 and gets no gradient.

    After a ReLU a feature can be all 0, and the gradient of its direction would be infinite. NaN stays NaN, for the
    loop to see.
    """
    length = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    return torch.where(length <= eps, 0, vectors / length.clamp(min=eps))
