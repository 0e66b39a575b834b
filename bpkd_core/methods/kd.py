"""Per-pixel knowledge distillation: each pixel is one classification."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bpkd_core.methods.base import LogitMethod, Losses, check_positive, check_weight
from bpkd_core.methods.divergence import pixel_kl
from bpkd_core.methods.labelled import labelled_share, mean_over_labelled


@dataclass(frozen=True, kw_only=True)
class PixelKD(LogitMethod):
    """`weight * T^2 * KL(teacher || student)`, averaged over the pixels that are not void (Hinton et al. 2015).

    temperature: T = 2 by default, weight 1 (both D: papers on segmentation use 1 to 4 without agreement).
    """

    temperature: float = 2.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        check_positive(temperature=self.temperature)
        check_weight(weight=self.weight)

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The term is `kd`."""
        kd = pixel_loss((student_NChw, teacher_NChw), labels_NHW, self.ignore_index, self.temperature)
        return Losses(total=self.weight * kd, terms={"kd": kd}, weighted={"kd": self.weight * kd})


def pixel_loss(logits: tuple[Tensor, Tensor], labels_NHW: Tensor, ignore_index: int, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) as the mean over labelled pixels: a scalar. `skd`, `ifvd` and `cirkd` begin with it.

    logits: student's and teacher's, (N, C, h, w), of one size.
    """
    kl_Nhw = pixel_kl(*logits, temperature)
    return mean_over_labelled(kl_Nhw, labelled_share(labels_NHW, logits[0], ignore_index))
