from __future__ import annotations

import pytest
import torch
from references import features as reference
from references import methods

from bpkd_core.errors import InvalidInput
from bpkd_core.methods import FeatureMethod
from bpkd_core.methods.features import unit


@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("size", [(5, 6), (1, 3), (4, 4)])
def test_value_and_gradient_are_those_of_the_formula(
    draw, draw_features, make, assert_gradient, size: tuple[int, int], side: int
) -> None:
    """Every pair of nodes by a loop; nodes cut at the frame, a stripe of void."""
    batch, features = draw(size=size), draw_features(size=size)
    method: FeatureMethod = make("skd", node_cells=side, lambda_pixel=2.0, lambda_pair=3.0)
    losses = method(*batch, features=features)
    student, teacher = features.arrays()
    ours, theirs, labels = batch.arrays()
    pair = losses.terms["pair"]
    assert losses.terms["pixel"].item() == pytest.approx(methods.kd(ours, theirs, labels, 1.0), rel=1e-9)
    assert pair.item() == pytest.approx(reference.skd_pair(student, teacher, labels, side), rel=1e-9, abs=1e-15)
    assert_gradient(pair, features.student, lambda maps: reference.skd_pair(maps, teacher, labels, side))
    assert losses.total.item() == pytest.approx(2 * losses.terms["pixel"].item() + 3 * pair.item())


def test_the_length_of_a_feature_plays_no_part(draw, draw_features, make) -> None:
    """Only directions are compared, or a student of small activations could never agree."""
    batch, features = draw(), draw_features()
    method = make("skd", node_cells=1, lambda_pixel=0)
    lengths = 1 + torch.rand(2, 1, 5, 6, dtype=torch.float64)
    longer = method(*batch, features=(features.student * lengths, features.teacher)).total
    assert longer.item() == pytest.approx(method(*batch, features=features).total.item(), rel=1e-9)


def test_a_rotation_of_the_features_plays_no_part(draw, draw_features, make) -> None:
    """Relations, not coordinates: the student may lay out its space as it likes."""
    batch, features = draw(), draw_features()
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    turned = torch.einsum("ij,njhw->nihw", rotation, features.student)
    method = make("skd", lambda_pixel=0)
    expected = method(*batch, features=features).total.item()
    assert method(*batch, features=(turned, features.teacher)).total.item() == pytest.approx(expected, rel=1e-9)


def test_nodes_have_a_side(make) -> None:
    """Pooling by 0 cells would fail deep inside torch."""
    with pytest.raises(InvalidInput, match="node_cells is 0; it must be at least 1"):
        make("skd", node_cells=0)


def test_the_direction_of_nothing_is_nothing() -> None:
    """The one place where a length is divided by: a dead cell must not get an infinite gradient."""
    vectors = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    directions = unit(vectors, dim=1)
    directions.sum().backward()
    assert directions[0].tolist() == [0, 0]
    assert directions[1].tolist() == pytest.approx([0.6, 0.8])
    assert vectors.grad is not None
    assert vectors.grad[0].tolist() == [0, 0]
