"""A teacher's labels against the same said for one pixel after the other."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from bpkd_core.data import IGNORE_INDEX
from bpkd_core.data.folder import UNLABELLED
from bpkd_core.train.labels import complete


def labels(fill: int, size: tuple[int, int, int] = (2, 13, 10)) -> torch.Tensor:
    return torch.full(size, fill, dtype=torch.uint8)


def scores(seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("confidence", [0.0, 0.5, 0.9])
def test_the_answer_is_the_likeliest_class_if_it_is_likely_enough(confidence: float) -> None:
    """A wrong label that the teacher itself doubted would be learned like a right one."""
    said = complete(labels(UNLABELLED), scores(), confidence)
    probabilities = F.interpolate(scores(), (13, 10), mode="bilinear", align_corners=False).softmax(1)
    for n in range(2):
        for y in range(13):
            for x in range(10):
                probability, winner = probabilities[n, :, y, x].max(0)
                expected = int(winner) if probability >= confidence else IGNORE_INDEX
                assert int(said[n, y, x]) == expected
    assert said.dtype == torch.uint8
    assert ((said == IGNORE_INDEX).any() == (confidence > 0)).item()


def test_labels_and_void_and_padding_stay_as_they_are() -> None:
    """What a person has said, a teacher does not overrule; what nobody should say stays unsaid."""
    given = labels(UNLABELLED)
    given[0] = torch.arange(130, dtype=torch.uint8).view(13, 10) % 5
    given[0, 2:4], given[1, :, 7:] = IGNORE_INDEX, IGNORE_INDEX
    said = complete(given, scores())
    kept = given != UNLABELLED
    assert torch.equal(said[kept], given[kept])
    assert not (said == UNLABELLED).any()
    assert (said[1, :, :7] < 5).all()


def test_a_labelled_batch_comes_back_as_it_is() -> None:
    """Mixed labels on a labelled batch are the dataset's, to the bit."""
    given = torch.randint(0, 5, (2, 13, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(complete(given, scores(), 0.9), given)


def test_no_gradient_flows_into_a_label() -> None:
    """A label is a decision."""
    assert not complete(labels(UNLABELLED), scores().requires_grad_()).requires_grad
