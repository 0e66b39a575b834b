from __future__ import annotations

import pytest
import torch
from references import methods as reference

from bpkd_core.errors import InvalidInput
from bpkd_core.methods import get_method


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize(("classes", "size"), [(2, (5, 6)), (4, (1, 7)), (6, (3, 3))])
def test_value_and_gradient_are_those_of_the_formula(draw, assert_gradient, classes, size, temperature) -> None:
    """Both correlations against loops; sizes do not divide and a stripe is void."""
    batch = draw(classes=classes, size=size)
    method = get_method("dist", num_classes=classes, beta=2.0, gamma=5.0, temperature=temperature)
    losses = method(*batch)
    student, teacher, labels = batch.arrays()
    for index, name in enumerate(("inter", "intra")):
        expected = reference.dist(student, teacher, labels, temperature)[index]
        assert losses.terms[name].item() == pytest.approx(expected, rel=1e-9)
        assert_gradient(
            losses.terms[name],
            batch.student,
            lambda z, index=index: reference.dist(z, teacher, labels, temperature)[index],
        )
    assert losses.total.item() == pytest.approx(2 * losses.terms["inter"].item() + 5 * losses.terms["intra"].item())


def test_gradcheck(draw) -> None:
    """Every entry of the gradient, against finite differences of the code itself."""
    _, teacher, labels = batch = draw(classes=3, size=(3, 3))
    method = get_method("dist", num_classes=3)
    assert torch.autograd.gradcheck(lambda student: method(student, teacher, labels).total, batch.student)


def test_relations_count_and_not_values(draw) -> None:
    """The point of the paper: probabilities that are a linear map of the teacher's leave nothing to learn."""
    _, teacher, labels = draw()
    probabilities = teacher.softmax(1)
    milder = (0.5 * probabilities + 0.5 / 4).log()
    assert get_method("dist", num_classes=4)(milder, teacher, labels).total.item() == pytest.approx(0, abs=1e-12)


def test_void_pixels_do_not_count(draw) -> None:
    """Neither in a pixel's own correlation nor in that of its class."""
    student, teacher, _ = draw(size=(4, 4))
    labels = torch.zeros(2, 8, 8, dtype=torch.uint8)
    labels[:, :4] = 255
    method = get_method("dist", num_classes=4)
    before = method(student, teacher, labels).total.item()
    teacher[:, :, :2] += torch.randn(2, 4, 2, 4, dtype=torch.float64)
    assert method(student, teacher, labels).total.item() == pytest.approx(before, rel=1e-12)


def test_a_network_that_says_the_same_everywhere_gets_no_gradient_from_nothing(draw) -> None:
    """A constant has no direction: correlation 0, and not a division by a length of 0."""
    student, teacher, labels = draw()
    student = torch.zeros_like(student, requires_grad=True)
    losses = get_method("dist", num_classes=4)(student, teacher, labels)
    losses.total.backward()
    assert [term.item() for term in losses.terms.values()] == pytest.approx([1, 1])
    assert student.grad is not None
    assert torch.equal(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"beta": -1.0}, {"gamma": float("nan")}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """Caught at construction, not as NaN after an hour."""
    with pytest.raises(InvalidInput, match="must be a finite number"):
        get_method("dist", num_classes=4, **options)


def test_no_weight_at_all_is_refused() -> None:
    """Whoever wants no distillation is better off with the method that asks no teacher."""
    with pytest.raises(InvalidInput, match='beta and gamma are all 0; for no distillation use the method "none"'):
        get_method("dist", num_classes=4, beta=0, gamma=0)
