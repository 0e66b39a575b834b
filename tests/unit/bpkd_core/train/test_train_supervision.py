"""The cross-entropy that all networks are trained with, against torch's own, with gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from bpkd_core.train.supervision import cross_entropy, interpolation_matrix, upsample

SIZES = [((4, 6), (32, 48)), ((5, 7), (33, 50)), ((1, 1), (8, 9)), ((8, 6), (8, 6)), ((9, 8), (4, 5))]


def logits_of(size: tuple[int, int], classes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (3 * torch.randn(2, classes, *size, generator=generator)).requires_grad_()


def labels_of(size: tuple[int, int], classes: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, classes, (2, *size), generator=generator, dtype=torch.uint8)
    labels[:, 0] = 255
    return labels


@pytest.mark.parametrize(("size", "new_size"), SIZES)
def test_upsampling_is_torchs_bilinear_interpolation(size: tuple[int, int], new_size: tuple[int, int]) -> None:
    """Two matrix products are faster on a CPU; they must not be another function, nor have another gradient."""
    logits, weights = logits_of(size), torch.randn(2, 3, *new_size)
    ours, torchs = upsample(logits, new_size), F.interpolate(logits, new_size, mode="bilinear", align_corners=False)
    assert (ours - torchs).abs().max() <= 5e-7 * logits.abs().max()
    gradients = [torch.autograd.grad((each * weights).sum(), logits)[0] for each in (ours, torchs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)


def test_the_mean_is_over_labelled_pixels() -> None:
    """Void pixels have no say, in the sum or in the divisor."""
    logits, labels = logits_of((4, 6)), labels_of((16, 24))
    scores = F.interpolate(logits, (16, 24), mode="bilinear", align_corners=False)
    expected = F.cross_entropy(scores, labels.long(), ignore_index=255)
    ours = cross_entropy(logits, labels)
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(each, logits)[0] for each in (ours, expected)]
    torch.testing.assert_close(*gradients)


def test_a_batch_without_labels_is_an_exact_differentiable_zero() -> None:
    """torch's mean over nothing is NaN, and one such crop would end the training."""
    logits = logits_of((4, 6))
    loss = cross_entropy(logits, torch.full((2, 16, 24), 255, dtype=torch.uint8))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0
    assert not gradient.any()


def test_half_precision_logits_are_summed_in_full_precision() -> None:
    """A sum over a million pixels overflows or rounds away in sixteen bits."""
    logits = logits_of((4, 6)).bfloat16()
    loss = cross_entropy(logits, labels_of((16, 24)))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cross_entropy(logits.float(), labels_of((16, 24))), rtol=0, atol=0)


def test_a_validation_loss_first_leaves_training_possible() -> None:
    """The matrices are kept: made in inference mode, they would refuse every later backward pass."""
    interpolation_matrix.cache_clear()
    with torch.inference_mode():
        cross_entropy(logits_of((4, 6)), labels_of((16, 24)))
    cross_entropy(logits_of((4, 6)), labels_of((16, 24))).backward()
