"""DIST (Huang et al., NeurIPS 2022, arXiv 2205.10536): correlation in the place of equality.

The marks are those of bpkd.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bpkd_core.methods.base import LogitMethod, Losses, check_positive, check_weights
from bpkd_core.methods.features import unit
from bpkd_core.methods.labelled import labelled_share, mean_over_labelled


@dataclass(frozen=True, kw_only=True)
class RelationalKD(LogitMethod):
    """`beta * L_inter + gamma * L_intra` on the class probabilities, softmax(z / T), of all labelled pixels.

    L_inter: T^2 (1 - Pearson correlation of student and teacher over the classes of a pixel), mean over pixels
        (C).
    L_intra: T^2 (1 - Pearson correlation over the pixels of the batch for a class), mean over classes (C).
    beta, gamma, temperature: 1, 1 and 1, as in the authors' segmentation code (C), which adds the same on an auxiliary
        head; here the main head alone is distilled (D).

    A pixel of the logits counts by its share of labelled pixels, and where a side is constant its correlation is 0
    (both D).
    """

    beta: float = 1.0
    gamma: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        check_positive(temperature=self.temperature)
        check_weights(beta=self.beta, gamma=self.gamma)

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The terms are `inter` and `intra`."""
        ours_NChw, theirs_NChw = (
            (student_NChw / self.temperature).softmax(1),
            (teacher_NChw / self.temperature).softmax(1),
        )
        share_Nhw = labelled_share(labels_NHW, student_NChw, self.ignore_index)
        scale = self.temperature**2
        return Losses.weigh(
            {"inter": self.beta, "intra": self.gamma},
            {
                "inter": lambda: scale * inter_class(ours_NChw, theirs_NChw, share_Nhw),
                "intra": lambda: scale * intra_class(ours_NChw, theirs_NChw, share_Nhw),
            },
        )


def inter_class(student_NChw: Tensor, teacher_NChw: Tensor, share_Nhw: Tensor) -> Tensor:
    """1 - correlation over classes, mean over the labelled pixels."""
    ours_NChw, theirs_NChw = (unit(maps - maps.mean(1, keepdim=True), dim=1) for maps in (student_NChw, teacher_NChw))
    return mean_over_labelled(1 - (ours_NChw * theirs_NChw).sum(1), share_Nhw)


def intra_class(student_NChw: Tensor, teacher_NChw: Tensor, share_Nhw: Tensor) -> Tensor:
    """1 - correlation over the labelled pixels of the batch, mean over the classes; 0 where nothing is labelled."""
    share_P = share_Nhw.flatten()
    student_CP, teacher_CP = (deviations(maps, share_P) for maps in (student_NChw, teacher_NChw))
    return (1 - (student_CP * teacher_CP).sum(1)).mean() * share_P.sum().sign()


def deviations(maps_NChw: Tensor, share_P: Tensor) -> Tensor:
    """Each class's deviations from its weighted mean, times the root of the weights, at length 1: (C, N * h * w)."""
    maps_CP = maps_NChw.transpose(0, 1).flatten(1)
    total = share_P.sum()
    means_C1 = (maps_CP * share_P).sum(1, keepdim=True) / torch.where(total > 0, total, 1)
    return unit((maps_CP - means_C1) * share_P.sqrt(), dim=1)
