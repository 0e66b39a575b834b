from __future__ import annotations

from typing import Any

import pytest
import torch
from references import features as reference
from references import methods

from bpkd_core.methods import FeatureMethod


@pytest.mark.parametrize(
    "drawn",
    [{}, {"values": 2}, {"size": (2, 1), "values": 3}, {"size": (20, 25)}, {"classes": 300, "size": (3, 4)}],
    ids=["all classes", "absent classes", "few cells", "more cells than pixels", "many classes"],
)
def test_value_and_gradient_are_those_of_the_formula(
    draw, draw_features, make, assert_gradient, drawn: dict[str, Any]
) -> None:
    """The cosine of every cell with its class's mean, by loops."""
    size = drawn.get("size", (5, 6))
    batch, features = draw(**drawn), draw_features(size=size)
    method: FeatureMethod = make("ifvd", classes=drawn.get("classes", 4), lambda_pixel=2.0, lambda_variation=3.0)
    losses = method(*batch, features=features)
    student, teacher = features.arrays()
    ours, theirs, labels = batch.arrays()
    variation = losses.terms["variation"]
    assert losses.terms["pixel"].item() == pytest.approx(methods.kd(ours, theirs, labels, 1.0), rel=1e-9)
    assert variation.item() == pytest.approx(reference.ifvd_variation(student, teacher, labels), rel=1e-9, abs=1e-15)
    if size != (20, 25):  # the loops take their time there
        assert_gradient(variation, features.student, lambda maps: reference.ifvd_variation(maps, teacher, labels))
    assert losses.total.item() == pytest.approx(2 * losses.terms["pixel"].item() + 3 * variation.item())


def test_a_class_of_one_cell_has_no_variation(draw, draw_features, make) -> None:
    """It is its own mean in both networks."""
    student, teacher, labels = draw(size=(2, 2), label_size=(2, 2))
    labels[:] = torch.tensor([[0, 1], [2, 3]])
    losses = make("ifvd")(student, teacher, labels, features=draw_features(size=(2, 2)))
    assert losses.terms["variation"].item() == pytest.approx(0, abs=1e-15)


def test_images_have_their_own_means(draw, draw_features, make) -> None:
    """The paper's prototype is of a class in an image; a batch is then the mean of its images."""
    student, teacher, labels = draw()
    labels = labels.clamp(max=3)
    ours, theirs = draw_features()
    method = make("ifvd", lambda_pixel=0)
    alone = [
        method(student[n:][:1], teacher[n:][:1], labels[n:][:1], features=(ours[n:][:1], theirs[n:][:1])).total.item()
        for n in range(2)
    ]
    together = method(student, teacher, labels, features=(ours, theirs)).total.item()
    assert together == pytest.approx(sum(alone) / 2, rel=1e-9)
