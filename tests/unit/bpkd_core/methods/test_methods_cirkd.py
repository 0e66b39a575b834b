from __future__ import annotations

import numpy as np
import pytest
import torch
from references import features as reference
from references import methods

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.cirkd import CrossImageKD

NO_WEIGHT = {"lambda_kd": 0, "lambda_batch": 0, "lambda_pixel": 0, "lambda_region": 0}


def projection(method: CrossImageKD) -> tuple[np.ndarray, ...]:
    first, norm, _, second = method.project
    return tuple(
        parameter.detach().numpy().squeeze()
        for parameter in (first.weight[:, :, 0, 0], norm.weight, norm.bias, second.weight[:, :, 0, 0])
    )


@pytest.mark.parametrize("size", [(5, 6), (1, 3), (4, 4)])
def test_the_batch_term_is_that_of_the_formula(draw, draw_features, make, assert_gradient, size) -> None:
    """Every square of every image against every square of every image, by loops; a stripe is void."""
    batch, features = draw(size=size), draw_features(size=size)
    losses = make("cirkd", lambda_batch=2.0)(*batch, features=features)
    student, teacher = features.arrays()
    ours, theirs, labels = batch.arrays()
    assert losses.terms["kd"].item() == pytest.approx(methods.kd(ours, theirs, labels, 1.0), rel=1e-9)
    expected = reference.cirkd_batch(student, teacher, labels)
    assert losses.terms["batch"].item() == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert_gradient(losses.terms["batch"], features.student, lambda maps: reference.cirkd_batch(maps, teacher, labels))


@pytest.mark.parametrize("term", ["pixel", "region"])
def test_the_memory_terms_are_those_of_the_formula(draw, draw_features, make, assert_gradient, term: str) -> None:
    """One vector a class, so that the sample is the memory itself; projection and batch norm by loops."""
    batch, features = draw(values=3), draw_features()
    sizes = {"pixel_memory": 1, "region_memory": 1, "pixel_samples": 6, "region_samples": 6}
    method: CrossImageKD = make("cirkd", temperature=0.2, **sizes)
    losses = method(*batch, features=features)
    vectors = {"pixel": method.pixels, "region": method.regions}[term].vectors_CKD[:3, 0].numpy()
    student, teacher = features.arrays()

    def formula(maps: np.ndarray) -> float:
        return reference.cirkd_memory(maps, teacher, batch.labels.numpy(), vectors, projection(method), 0.2)

    assert losses.terms[term].item() == pytest.approx(formula(student), rel=1e-9)
    assert_gradient(losses.terms[term], features.student, formula)


def test_the_total_weighs_the_terms(draw, draw_features, make) -> None:
    """The paper's weights are 1, 1, 0.1 and 0.1."""
    losses = make("cirkd")(*draw(), features=draw_features())
    raw = {name: term.item() for name, term in losses.terms.items()}
    assert losses.total.item() == pytest.approx(raw["kd"] + raw["batch"] + 0.1 * raw["pixel"] + 0.1 * raw["region"])


def test_the_memories_hold_cells_and_means_of_their_class(draw, draw_features, make) -> None:
    """A vector filed under another class would teach the student to confuse the two."""
    batch, features = draw(values=3), draw_features()
    method: CrossImageKD = make("cirkd", pixel_memory=50, pixels_per_class=2)
    method(*batch, features=features)
    teacher, labels = features.teacher.numpy(), batch.labels.numpy()
    for label in range(4):
        mine = [cell for cell in reference.cells(teacher) if reference.label_at(labels, (5, 6), cell) == label]
        directions = [reference.unit(teacher[n, :, y, x]) for n, y, x in mine]
        images = sorted({n for n, _, _ in mine})
        sizes = [sum(n == image for n, _, _ in mine) for image in images]
        means = [
            reference.unit(np.mean([d for d, cell in zip(directions, mine, strict=True) if cell[0] == n], axis=0))
            for n in images
        ]
        stored = method.pixels.vectors_CKD[label, : method.pixels.stored_C[label]].numpy()
        assert len(stored) == sum(min(2, size) for size in sizes)
        assert all(min(np.abs(vector - d).max() for d in directions) < 1e-12 for vector in stored)
        regions = method.regions.vectors_CKD[label, : method.regions.stored_C[label]].numpy()
        assert regions == pytest.approx(np.array(means).reshape(-1, 4))


def test_what_it_learns_gets_gradients(draw, draw_features, make) -> None:
    """The projection is trained with the student."""
    method: CrossImageKD = make("cirkd")
    method(*draw(), features=draw_features()).total.backward()
    parameters = list(method.parameters())
    assert len(parameters) == 4
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in parameters)


def test_an_image_of_void_alone_takes_no_part(draw, draw_features, make) -> None:
    """Its cells are in no distribution: what the networks make of them is not compared."""
    student, teacher, labels = draw()
    ours, theirs = draw_features()
    labels[1] = 255
    method = make("cirkd", **{**NO_WEIGHT, "lambda_batch": 1})
    before = method(student, teacher, labels, features=(ours, theirs)).total
    theirs[1] += torch.randn(4, 5, 6, dtype=torch.float64)
    assert torch.equal(method(student, teacher, labels, features=(ours, theirs)).total, before)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"pixel_memory": 0}, "pixel_memory is 0; it must be at least 1"),
        ({"region_samples": -1}, "region_samples is -1; it must be at least 1"),
        ({"lambda_batch": -1}, "lambda_batch is -1"),
        (NO_WEIGHT, 'method "none"'),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(make, options, says: str) -> None:
    """Each sentence names what would work; a job must not fail on its first batch instead."""
    with pytest.raises(InvalidInput, match=says):
        make("cirkd", **options)
