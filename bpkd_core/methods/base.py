"""What a distillation method is: options at construction, then (student, teacher, labels) -> losses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.errors import InvalidInput


@dataclass(frozen=True)
class Losses:
    """What one step's comparison gives. Cross-entropy is not in it: the training loop adds that.

    total: the weighted sum to minimise, a scalar. terms: its parts before weighting, by name. diagnostics: detached
    numbers worth logging that are no part of the total.
    """

    total: Tensor
    terms: dict[str, Tensor]
    diagnostics: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A callable on one batch. Subclasses add their options as fields, defaults and all."""

    num_classes: int
    ignore_index: int = 255

    @abstractmethod
    def __call__(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """Compare what student and teacher say of the same images."""


@dataclass(frozen=True, kw_only=True)
class LogitMethod(Method):
    """A method on raw logits alone. Subclasses implement :meth:`compare`."""

    def __call__(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """Compare the raw logits of one batch.

        student_NChw: logits of any floating type. teacher_NChw: logits of any size, resized to the student's with
        bilinear interpolation (align_corners=False: D); no gradient reaches it. labels_NHW: integers at label
        resolution.

        Computes in float32 with autocast off, because half-precision sums over positions overflow; float64 stays
        float64. Raises InvalidInput where batch or classes disagree.
        """
        self._check(student_NChw, teacher_NChw, labels_NHW)
        dtype = torch.promote_types(student_NChw.dtype, torch.float32)
        with torch.autocast(student_NChw.device.type, enabled=False):
            teacher_NChw = resize(teacher_NChw.detach().to(dtype), student_NChw.shape[2:])
            return self.compare(student_NChw.to(dtype), teacher_NChw, labels_NHW)

    @abstractmethod
    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The method itself, on logits of one size and type. Called by :meth:`__call__`."""

    def _check(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> None:
        expected = (len(labels_NHW), self.num_classes)
        for who, logits in (("student", student_NChw), ("teacher", teacher_NChw)):
            if logits.ndim != 4 or tuple(logits.shape[:2]) != expected:
                raise InvalidInput(
                    f"The {who}'s logits have the shape {tuple(logits.shape)}; for these labels they must have "
                    f"({expected[0]}, {expected[1]}, height, width): images, then classes.",
                    param=who,
                )


def resize(logits_NChw: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    """Bilinear interpolation to `size_hw`, nothing where the size is right already."""
    if logits_NChw.shape[2:] == size_hw:
        return logits_NChw
    return F.interpolate(logits_NChw, size=size_hw, mode="bilinear", align_corners=False)


def check_positive(**options: float) -> None:
    """Raise InvalidInput for the first option that is not a finite number above 0."""
    for name, value in options.items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(f"{name} is {value}; it must be a finite number above 0.", param=name)


def check_weight(**options: float) -> None:
    """Raise InvalidInput for the first option that is not a finite number of at least 0."""
    for name, value in options.items():
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInput(f"{name} is {value}; it must be a finite number of at least 0.", param=name)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InvalidInput for an option that is none of its words."""
    if value not in choices:
        raise InvalidInput(f'{name} is "{value}"; it must be one of {", ".join(choices)}.', param=name)
