from __future__ import annotations

import pytest
import torch

from bpkd_core.bench.drawn import BATCH, LABELS, SIDE, edge_share
from bpkd_core.bench.loss import mask_work


@pytest.mark.parametrize("num_classes", [19, 150])
@pytest.mark.parametrize("name", LABELS)
def test_labels_are_what_the_issue_of_speed_is_about(name: str, num_classes: int) -> None:
    """A label map of one class would make any mask fast."""
    labels = LABELS[name](num_classes)
    assert labels.shape == (BATCH, SIDE, SIDE)
    assert labels.dtype == torch.uint8
    valid = labels[labels != 255]
    assert valid.max() < num_classes
    assert len(valid.unique()) >= 11
    assert 0.1 < edge_share(labels[:1, :256, :256], num_classes) < 0.6


def test_the_warm_up_runs_on_a_corner() -> None:
    """It loads what the measured run needs, and must not reach its size."""
    assert mask_work(2, torch.device("cpu"), side=64)().shape == (BATCH, 2, 8, 8)  # pyright: ignore[reportAttributeAccessIssue]
