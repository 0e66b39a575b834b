"""What a distillation method is: options at construction, then (student, teacher, labels) -> losses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.boundary import EdgeBands
from bpkd_core.errors import InvalidInput

Pair = tuple[Tensor, Tensor]
"""The student's and the teacher's tensor of one kind, in this order."""


@dataclass(frozen=True)
class Losses:
    """What one step's comparison gives. Cross-entropy is not in it: the training loop adds that.

    total: the weighted sum to minimise, a scalar. terms: its parts before weighting, by name. weighted: the same parts
    after weighting, so that they add up to the total. diagnostics: detached numbers worth logging that are no part of
    the total.
    """

    total: Tensor
    terms: dict[str, Tensor]
    weighted: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    diagnostics: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    @classmethod
    def weigh(
        cls,
        weights: Mapping[str, float],
        terms: Mapping[str, Callable[[], Tensor]],
        diagnostics: Mapping[str, Tensor] | None = None,
    ) -> Self:
        """Compute the terms whose weight is not 0, at least one, and add them up."""
        raw = {name: compute() for name, compute in terms.items() if weights[name] > 0}
        weighted = {name: weights[name] * term for name, term in raw.items()}
        total = torch.stack([*weighted.values()]).sum()
        return cls(total=total, terms=raw, weighted=weighted, diagnostics=dict(diagnostics or {}))


class Method(Protocol):
    """A callable on one batch. Options are keywords of its class's constructor, each with a default.

    What learns or remembers is an :class:`torch.nn.Module` besides: its parameters belong into the optimizer and its
    state_dict into the checkpoint.
    """

    @property
    def num_classes(self) -> int:
        """C, the channels of both networks' logits."""
        ...

    @property
    def ignore_index(self) -> int:
        """The label of void."""
        ...

    def __call__(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """Compare what student and teacher say of the same images."""
        ...


@runtime_checkable
class EdgeMethod(Method, Protocol):
    """A method that looks at the labels for their edges alone, which can be found before anybody has the logits."""

    def bands(self, labels_NHW: Tensor, size_hw: tuple[int, int]) -> EdgeBands:
        """The edges of labels on the CPU, for logits of this size."""
        ...

    def __call__(
        self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor, *, bands: EdgeBands | None = None
    ) -> Losses:
        """As for any method. bands: what :meth:`bands` made of these labels; None: they are made now."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogitMethod(ABC):
    """A method on raw logits alone. Subclasses add their options as fields and implement :meth:`compare`."""

    num_classes: int
    ignore_index: int = 255

    def __call__(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """Compare the raw logits of one batch.

        student_NChw: logits of any floating type. teacher_NChw: logits of any size, resized to the student's with
        bilinear interpolation (align_corners=False: D); no gradient reaches it. labels_NHW: integers at label
        resolution.

        Computes in float32 with autocast off, because half-precision sums over positions overflow; float64 stays
        float64. Raises InvalidInput where batch or classes disagree.
        """
        check_logits((student_NChw, teacher_NChw), labels_NHW, self.num_classes)
        with torch.autocast(student_NChw.device.type, enabled=False):
            return self.compare(*aligned((student_NChw, teacher_NChw)), labels_NHW)

    @abstractmethod
    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The method itself, on logits of one size and type. Called by :meth:`__call__`."""


def check_logits(logits: Pair, labels_NHW: Tensor, num_classes: int) -> None:
    """Raise InvalidInput for labels that are no maps of integers, and logits of another batch or number of classes."""
    if labels_NHW.ndim != 3 or labels_NHW.numel() == 0 or labels_NHW.is_floating_point():
        found = f"{labels_NHW.dtype} of shape {tuple(labels_NHW.shape)}"
        raise InvalidInput(f"The labels are {found}; they must be integers of shape (N, H, W).", param="labels")
    expected = (len(labels_NHW), num_classes)
    for who, logits_NChw in zip(("student", "teacher"), logits, strict=True):
        if logits_NChw.ndim != 4 or tuple(logits_NChw.shape[:2]) != expected:
            raise InvalidInput(
                f"The {who}'s logits have the shape {tuple(logits_NChw.shape)}; for these labels they must have "
                f"({expected[0]}, {expected[1]}, height, width): images, then classes.",
                param=who,
            )


def aligned(pair: Pair) -> Pair:
    """Both in at least single precision, the teacher's without gradient and at the student's height and width."""
    student, teacher = pair
    dtype = torch.promote_types(student.dtype, torch.float32)
    return student.to(dtype), resize(teacher.detach().to(dtype), student.shape[2:])


def size_of(maps_NChw: Tensor) -> tuple[int, int]:
    """Height and width."""
    return maps_NChw.shape[2], maps_NChw.shape[3]


def resize(maps_NChw: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    """Bilinear interpolation to `size_hw`, nothing where the size is right already."""
    if maps_NChw.shape[2:] == size_hw:
        return maps_NChw
    return F.interpolate(maps_NChw, size=size_hw, mode="bilinear", align_corners=False)


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


def check_weights(**options: float) -> None:
    """Raise InvalidInput for the first of a method's weights that is no weight, and where all of them are 0."""
    check_weight(**options)
    if not any(options.values()):
        raise InvalidInput(f'{" and ".join(options)} are all 0; for no distillation use the method "none".')


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InvalidInput for an option that is none of its words."""
    if value not in choices:
        raise InvalidInput(f'{name} is "{value}"; it must be one of {", ".join(choices)}.', param=name)
