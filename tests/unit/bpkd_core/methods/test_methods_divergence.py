from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bpkd_core.methods.divergence import pixel_kl, sparse_pixel_kl


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
