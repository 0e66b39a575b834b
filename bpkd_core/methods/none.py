"""No distillation: cross-entropy alone, the control that every method is measured against."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bpkd_core.methods.base import Losses


@dataclass(frozen=True, kw_only=True)
class NoDistillation:
    """Adds exactly 0. A recipe leaves it out, and its teacher with it; here it can be called like any other method."""

    num_classes: int
    ignore_index: int = 255

    def __call__(self, student_NChw: Tensor, teacher_NChw: Tensor | None, labels_NHW: Tensor) -> Losses:
        """A total of 0 and no terms. No teacher is needed: None will do."""
        del teacher_NChw, labels_NHW
        return Losses(total=student_NChw.new_zeros(()), terms={})
