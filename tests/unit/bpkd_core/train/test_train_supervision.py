"""The cross-entropy that all networks are trained with, against torch's own, with gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from bpkd_core.errors import InvalidSpec
from bpkd_core.spec import Train
from bpkd_core.spec.train import HardPixels
from bpkd_core.train.supervision import (
    Supervision,
    balanced,
    cross_entropy,
    interpolation_matrix,
    upsample,
    with_class_weights,
)

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


# Weights of classes, and hard pixels


WEIGHTS = (0.5, 4.0, 1.0)


def test_class_weights_are_torchs() -> None:
    """The weighted mean: what a class weighs is in the sum and in the divisor."""
    logits, labels = logits_of((4, 6)), labels_of((16, 24))
    ours = Supervision(class_weights=WEIGHTS).loss(logits, labels)
    scores = F.interpolate(logits, (16, 24), mode="bilinear", align_corners=False)
    expected = F.cross_entropy(scores, labels.long(), weight=torch.tensor(WEIGHTS), ignore_index=255)
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(each, logits)[0] for each in (ours, expected)]
    torch.testing.assert_close(*gradients)


def hard_by_hand(logits: torch.Tensor, labels: torch.Tensor, hard: HardPixels) -> float:
    """Written as loops over pixels: sort each image's labelled pixels by the probability of their class."""
    scores = F.interpolate(logits, labels.shape[-2:], mode="bilinear", align_corners=False).softmax(1)
    kept: list[float] = []
    for image, mask in zip(scores.tolist(), labels.tolist(), strict=True):
        found = sorted(image[label][y][x] for y, row in enumerate(mask) for x, label in enumerate(row) if label != 255)
        kept += [p for place, p in enumerate(found) if place < hard.min_kept or p < hard.threshold]
    return sum(-math.log(p) for p in kept) / max(1, len(kept))


@pytest.mark.parametrize(("threshold", "min_kept"), [(0.7, 1), (0.2, 1), (0.01, 40), (0.3, 100), (0.5, 10_000)])
def test_hard_pixels_are_those_that_a_loop_finds(threshold: float, min_kept: int) -> None:
    """Below the threshold, or among the least certain of their image; void is neither."""
    hard = HardPixels(threshold=threshold, min_kept=min_kept)
    logits, labels = logits_of((4, 6)), labels_of((16, 24))
    with torch.no_grad():
        logits *= 3
    ours = Supervision(hard=hard).loss(logits, labels)
    assert ours.item() == pytest.approx(hard_by_hand(logits.detach(), labels, hard), rel=1e-4)
    assert torch.autograd.grad(ours, logits)[0].abs().sum() > 0


@pytest.mark.parametrize(
    "supervision",
    [Supervision(class_weights=WEIGHTS), Supervision(hard=HardPixels()), Supervision(WEIGHTS, HardPixels())],
)
def test_a_batch_without_labels_is_a_differentiable_zero_in_every_form(supervision: Supervision) -> None:
    """One void crop must not end a training, however its pixels are weighed."""
    logits = logits_of((4, 6))
    loss = supervision.loss(logits, torch.full((2, 16, 24), 255, dtype=torch.uint8))
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, logits)[0].any()


def test_balanced_classes_weigh_the_same_and_a_pixel_one_on_average() -> None:
    """A class of a hundredth of the pixels gets a hundred times the weight; one without any is asked for by none."""
    shares = (0.9, 0.09, 0.01, 0.0)
    weights = balanced(shares)
    assert [share * weight for share, weight in zip(shares, weights, strict=True)] == pytest.approx([1 / 3] * 3 + [0])
    assert weights[3] == 1


def test_balanced_becomes_numbers_and_numbers_must_be_one_a_class() -> None:
    """Two numbers for three classes would be found out by an index error, in the first step, on a GPU."""
    assert with_class_weights(Train(class_weights="balanced"), (0.5, 0.5)).class_weights == (1.0, 1.0)
    plain = Train(class_weights=(1.0, 2.0))
    assert with_class_weights(plain, (0.5, 0.5)) is plain
    with pytest.raises(InvalidSpec, match="class_weights has 2 numbers; expected 3") as caught:
        with_class_weights(plain, (0.5, 0.4, 0.1))
    assert caught.value.param == "train.class_weights"
