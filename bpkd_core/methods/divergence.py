"""The two ways in which a student's logits are compared with a teacher's: per pixel and per channel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def pixel_kl(student_NChw: Tensor, teacher_NChw: Tensor, temperature: float) -> Tensor:
    """T^2 KL( softmax_C(teacher / T) || softmax_C(student / T) ) of every pixel: (N, h, w), >= 0.

    Hinton et al. 2015, section 2; T^2 keeps the gradient's size independent of T.
    """
    return temperature**2 * _kl(student_NChw, teacher_NChw, temperature, dim=1)


def sparse_pixel_kl(
    student_E: Tensor, teacher_E: Tensor, pixel_E: Tensor, num_pixels: int, num_classes: int, temperature: float
) -> Tensor:
    """:func:`pixel_kl` where most scores of most pixels are 0, from the others alone: (num_pixels,).

    student_E, teacher_E: the scores that may differ from 0, at most one a class. pixel_E: whose each of them is.

    Of the K classes of a pixel that are not listed each has the probability 1 / Z, with
    Z = K + sum of exp(score): with score 0 they leave nothing but log Z in the divergence.
    """
    return _SparsePixelKL.apply(student_E, teacher_E, pixel_E, num_pixels, num_classes, temperature)  # pyright: ignore[reportReturnType]


class _SparsePixelKL(Function):
    """With its gradient in closed form, T (p_S - p_T): autograd's way back is three times the calls."""

    @staticmethod
    def forward(
        ctx: Any,
        student_E: Tensor,
        teacher_E: Tensor,
        pixel_E: Tensor,
        num_pixels: int,
        num_classes: int,
        temperature: float,
    ) -> Tensor:
        rest_P = num_classes - pixel_E.bincount(minlength=num_pixels).to(student_E)
        floor_P = torch.where(rest_P > 0, 0.0, -torch.inf).to(student_E)

        def sum_pixels(values_E: Tensor) -> Tensor:
            return values_E.new_zeros(num_pixels).index_add_(0, pixel_E, values_E)

        def log_partition(scores_E: Tensor) -> Tensor:
            top_P = floor_P.scatter_reduce(0, pixel_E, scores_E, "amax")
            return top_P + (sum_pixels((scores_E - top_P[pixel_E]).exp()) + rest_P * (-top_P.clamp(min=0)).exp()).log()

        student_E, teacher_E = student_E / temperature, teacher_E / temperature
        log_student_P, log_teacher_P = log_partition(student_E), log_partition(teacher_E)
        probability_E = (teacher_E - log_teacher_P[pixel_E]).exp()
        gap_E = (student_E - log_student_P[pixel_E]).exp() - probability_E
        ctx.save_for_backward(temperature * gap_E, pixel_E)
        return temperature**2 * (sum_pixels(probability_E * (teacher_E - student_E)) + log_student_P - log_teacher_P)

    @staticmethod
    @once_differentiable  # untyped
    def backward(ctx: Any, grad_P: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        slope_E, pixel_E = ctx.saved_tensors
        return slope_E * grad_P[pixel_E], None, None, None, None, None


def channel_kl(student_NChw: Tensor, teacher_NChw: Tensor, temperature: float) -> Tensor:
    """T^2 / C * sum over channels of KL between softmaxes *over positions*, as the mean over images: a scalar, >= 0.

    Shu et al. 2021, equations 3 and 4.
    """
    kl_NC = _kl(student_NChw.flatten(2), teacher_NChw.flatten(2), temperature, dim=2)
    return temperature**2 * kl_NC.mean()


def scaled_channel_kl(
    student_NChw: Tensor, teacher_NChw: Tensor, index_E: Tensor, factor_E: Tensor, temperature: float
) -> Tensor:
    """:func:`channel_kl` of scores that are multiplied by `factor_E` at E places of the flattened (N, C, h, w).

    index_E: the places, each once. Not twice differentiable.
    """
    return _ScaledChannelKL.apply(student_NChw, teacher_NChw, index_E, factor_E, temperature)  # pyright: ignore[reportReturnType]


class _ScaledChannelKL(Function):
    """With its gradient in closed form, T (p_S - p_T) / NC times the factor: one dense pass instead of six."""

    @staticmethod
    def forward(
        ctx: Any,
        student_NChw: Tensor,
        teacher_NChw: Tensor,
        index_E: Tensor,
        factor_E: Tensor,
        temperature: float,
    ) -> Tensor:
        def log_softmax(scores_NChw: Tensor) -> Tensor:
            scores = scores_NChw.clone(memory_format=torch.contiguous_format)
            flat = scores.view(-1)
            flat.index_copy_(0, index_E, flat.index_select(0, index_E).mul_(factor_E))
            return (scores if temperature == 1 else scores.div_(temperature)).flatten(2).log_softmax(2)

        log_student, log_teacher = log_softmax(student_NChw), log_softmax(teacher_NChw)
        teacher = log_teacher.exp()
        kl_NC = log_teacher.sub_(log_student).mul_(teacher).sum(2)
        gap = log_student.exp_().sub_(teacher).view_as(student_NChw)
        ctx.save_for_backward(gap, index_E, factor_E)
        ctx.scale = temperature / kl_NC.numel()
        return temperature**2 * kl_NC.mean()

    @staticmethod
    @once_differentiable  # untyped
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        gap, index_E, factor_E = ctx.saved_tensors
        slope = gap * (grad * ctx.scale)
        flat = slope.view(-1)
        flat.index_copy_(0, index_E, flat.index_select(0, index_E).mul_(factor_E))
        return slope, None, None, None, None


def _kl(student: Tensor, teacher: Tensor, temperature: float, dim: int) -> Tensor:
    """KL(teacher || student) of the softmaxes along `dim`. Both as log-softmax, so that no probability underflows."""
    if temperature != 1:
        student, teacher = student / temperature, teacher / temperature
    log_student, log_teacher = student.log_softmax(dim), teacher.log_softmax(dim)
    return (log_teacher.exp() * (log_teacher - log_student)).sum(dim)
