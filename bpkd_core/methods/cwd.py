"""Channel-wise distillation (arXiv 2011.13256): a class map is one distribution over the positions of the image.

The marks are those of bpkd.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bpkd_core.methods.base import LogitMethod, Losses, check_positive, check_weight
from bpkd_core.methods.divergence import channel_kl


@dataclass(frozen=True, kw_only=True)
class ChannelWiseKD(LogitMethod):
    """Shu et al. 2021 on the logits (C: T = 4, weight 3). It looks at no label, hence at no void."""

    temperature: float = 4.0
    weight: float = 3.0

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        check_positive(temperature=self.temperature)
        check_weight(weight=self.weight)

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The term is `cwd`."""
        del labels_NHW
        cwd = channel_kl(student_NChw, teacher_NChw, self.temperature)
        return Losses(total=self.weight * cwd, terms={"cwd": cwd}, weighted={"cwd": self.weight * cwd})
