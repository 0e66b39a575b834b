from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bpkd_core.methods.divergence import channel_kl, pixel_kl, scaled_channel_kl, sparse_pixel_kl


def listed(scores_NChw: Tensor, present_NChw: Tensor) -> tuple[Tensor, Tensor]:
    """The scores that are present, and whose each is."""
    image, channel, row, column = present_NChw.nonzero(as_tuple=True)
    height, width = scores_NChw.shape[2:]
    return scores_NChw[image, channel, row, column], (image * height + row) * width + column


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0], ids=["none", "some", "all"])
@pytest.mark.parametrize("shift", [0.0, -900.0, 900.0])
def test_equals_the_divergence_of_the_scores_with_zeros_written_out(share: float, shift: float) -> None:
    """Scores far from 0 on either side, and pixels with all or no classes listed, must neither overflow nor vanish."""
    generator = torch.Generator().manual_seed(0)
    present = torch.rand(2, 5, 3, 4, generator=generator) < share
    student, teacher = (
        (torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64) + shift) * present for _ in range(2)
    )
    student_E, pixel_E = listed(student, present)
    teacher_E, _ = listed(teacher, present)
    found = sparse_pixel_kl(student_E, teacher_E, pixel_E, 24, 5, 2.0)
    torch.testing.assert_close(found, pixel_kl(student, teacher, 2.0).flatten(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels last"])
def test_scaled_scores_have_the_divergence_and_gradient_of_those_written_out(
    temperature: float, layout: torch.memory_format
) -> None:
    """The gradient is written by hand; autograd's, of the same thing without the list, is what it must be."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    factors = torch.ones(2, 3, 4, 5, dtype=torch.float64)
    index_E = torch.tensor([3, 40, 17, 119])
    factors.view(-1)[index_E] = torch.tensor([0.0, 0.25, 0.5, 0.9], dtype=torch.float64)
    ours, plain = (student.to(memory_format=layout, copy=True).requires_grad_() for _ in range(2))
    found = scaled_channel_kl(ours, teacher, index_E, factors.view(-1)[index_E], temperature)
    expected = channel_kl(plain * factors, teacher * factors, temperature)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    for weighted in (2 * found, 2 * expected):
        weighted.backward()
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-10, atol=1e-14)
