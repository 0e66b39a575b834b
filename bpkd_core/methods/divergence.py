"""The two ways in which a student's logits are compared with a teacher's: per pixel and per channel."""

from __future__ import annotations

import torch
from torch import Tensor


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
    rest_P = num_classes - pixel_E.bincount(minlength=num_pixels).to(student_E)

    def sum_pixels(values_E: Tensor) -> Tensor:
        return values_E.new_zeros(num_pixels).index_add(0, pixel_E, values_E)

    def log_partition(scores_E: Tensor) -> Tensor:
        top_P = torch.where(rest_P > 0, 0.0, -torch.inf).to(scores_E)
        top_P = top_P.scatter_reduce(0, pixel_E, scores_E.detach(), "amax")
        return top_P + (sum_pixels((scores_E - top_P[pixel_E]).exp()) + rest_P * (-top_P.clamp(min=0)).exp()).log()

    student_E, teacher_E = student_E / temperature, teacher_E / temperature
    log_student_P, log_teacher_P = log_partition(student_E), log_partition(teacher_E)
    probability_E = (teacher_E - log_teacher_P[pixel_E]).exp()
    return temperature**2 * (sum_pixels(probability_E * (teacher_E - student_E)) + log_student_P - log_teacher_P)


def channel_kl(student_NChw: Tensor, teacher_NChw: Tensor, temperature: float) -> Tensor:
    """T^2 / C * sum over channels of KL between softmaxes *over positions*, as the mean over images: a scalar, >= 0.

    Shu et al. 2021, equations 3 and 4.
    """
    kl_NC = _kl(student_NChw.flatten(2), teacher_NChw.flatten(2), temperature, dim=2)
    return temperature**2 * kl_NC.mean()


def _kl(student: Tensor, teacher: Tensor, temperature: float, dim: int) -> Tensor:
    """KL(teacher || student) of the softmaxes along `dim`. Both as log-softmax, so that no probability underflows."""
    if temperature != 1:
        student, teacher = student / temperature, teacher / temperature
    log_student, log_teacher = student.log_softmax(dim), teacher.log_softmax(dim)
    return (log_teacher.exp() * (log_teacher - log_student)).sum(dim)
