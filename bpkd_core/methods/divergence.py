"""The two ways in which a student's logits are compared with a teacher's: per pixel and per channel."""

from __future__ import annotations

from torch import Tensor


def pixel_kl(student_NChw: Tensor, teacher_NChw: Tensor, temperature: float) -> Tensor:
    """T^2 KL( softmax_C(teacher / T) || softmax_C(student / T) ) of every pixel: (N, h, w), >= 0.

    Hinton et al. 2015, section 2; T^2 keeps the gradient's size independent of T.
    """
    return temperature**2 * _kl(student_NChw, teacher_NChw, temperature, dim=1)


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
