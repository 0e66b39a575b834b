"""Per-pixel knowledge distillation: each pixel is one classification."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.boundary import widen
from bpkd_core.methods.base import LogitMethod, Losses, check_positive, check_weight
from bpkd_core.methods.divergence import pixel_kl


@dataclass(frozen=True, kw_only=True)
class PixelKD(LogitMethod):
    """`weight * T^2 * KL(teacher || student)`, averaged over the pixels that are not void (Hinton et al. 2015).

    temperature: T = 2 by default, weight 1 (both D: papers on segmentation use 1 to 4 without agreement).
    A pixel of the logits counts by its share of labelled pixels; where none is labelled the loss is exactly 0 (D).
    """

    temperature: float = 2.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        check_positive(temperature=self.temperature)
        check_weight(weight=self.weight)

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The term is `kd`."""
        kl_Nhw = pixel_kl(student_NChw, teacher_NChw, self.temperature)
        labelled_NHW = (widen(labels_NHW) != self.ignore_index).to(kl_Nhw)
        share_Nhw = F.adaptive_avg_pool2d(labelled_NHW, (kl_Nhw.shape[1], kl_Nhw.shape[2]))
        tiny = torch.finfo(kl_Nhw.dtype).tiny  # only an all-void batch is that small
        kd = (kl_Nhw * share_Nhw).sum() / share_Nhw.sum().clamp(min=tiny)
        return Losses(total=self.weight * kd, terms={"kd": kd})
