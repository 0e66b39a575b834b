from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from bpkd_core.methods import FeatureMethod, get_method


class Batch(NamedTuple):
    """Logits in float64 and labels; the student asks for a gradient."""

    student: Tensor
    teacher: Tensor
    labels: Tensor

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.student.detach().numpy(), self.teacher.numpy(), self.labels.numpy()


def draw_batch(
    classes: int = 4,
    size: tuple[int, int] = (5, 6),
    label_size: tuple[int, int] = (17, 23),
    teacher_size: tuple[int, int] | None = None,
    values: int | None = None,
    images: int = 2,
    seed: int = 0,
) -> Batch:
    """Sizes that do not divide, a void stripe, and `values` of the `classes` occurring."""
    generator = torch.Generator().manual_seed(seed)
    student = 2 * torch.randn(images, classes, *size, generator=generator, dtype=torch.float64)
    teacher = 2 * torch.randn(images, classes, *(teacher_size or size), generator=generator, dtype=torch.float64)
    coarse = torch.randint(0, values or classes, (images, 3, 4), generator=generator)
    labels = coarse.repeat_interleave(-(-label_size[0] // 3), 1).repeat_interleave(-(-label_size[1] // 4), 2)
    labels = labels[:, : label_size[0], : label_size[1]].clone()
    labels[:, -3:, :5] = 255
    return Batch(student.requires_grad_(), teacher, labels)


class Features(NamedTuple):
    """What the networks' classifiers take in, in float64; the student's asks for a gradient."""

    student: Tensor
    teacher: Tensor

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return self.student.detach().numpy(), self.teacher.numpy()


def draw_two_features(
    size: tuple[int, int] = (5, 6), teacher_size: tuple[int, int] | None = None, images: int = 2
) -> Features:
    """Three channels of the student, four of the teacher."""
    generator = torch.Generator().manual_seed(1)
    student = torch.randn(images, 3, *size, generator=generator, dtype=torch.float64)
    teacher = torch.randn(images, 4, *(teacher_size or size), generator=generator, dtype=torch.float64)
    return Features(student.requires_grad_(), teacher)


def make_feature_method(name: str, classes: int = 4, teacher_channels: int = 4, **options: Any) -> FeatureMethod:
    """In float64, with the same initial weights each time, and memories of a few vectors."""
    torch.manual_seed(0)
    small = {"pixel_memory": 8, "region_memory": 4, "pixel_samples": 12, "region_samples": 8}
    method = get_method(
        name,
        num_classes=classes,
        student_channels=3,
        teacher_channels=teacher_channels,
        **{**(small if name == "cirkd" else {}), **options},
    )
    assert isinstance(method, FeatureMethod)
    return method.double()


@pytest.fixture
def draw_features() -> Callable[..., Features]:
    return draw_two_features


@pytest.fixture
def make() -> Callable[..., FeatureMethod]:
    return make_feature_method


@pytest.fixture
def draw() -> Callable[..., Batch]:
    return draw_batch


@pytest.fixture
def assert_gradient() -> Callable[..., None]:
    """Compare autograd with central differences of a reference, at a few entries of the student."""

    def check(total: Tensor, student: Tensor, reference: Callable[[np.ndarray], float]) -> None:
        (gradient,) = torch.autograd.grad(total, student, retain_graph=True)
        step, generator = 1e-5, np.random.default_rng(0)
        for index in (tuple(generator.integers(0, student.shape)) for _ in range(8)):
            nudge = np.zeros(student.shape)
            nudge[index] = step
            values = student.detach().numpy()
            expected = (reference(values + nudge) - reference(values - nudge)) / (2 * step)
            assert gradient[index].item() == pytest.approx(expected, rel=1e-5, abs=1e-8)

    return check
