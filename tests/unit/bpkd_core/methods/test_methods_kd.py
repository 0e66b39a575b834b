from __future__ import annotations

import pytest
import torch
from references import methods as reference

from bpkd_core.errors import InvalidInput
from bpkd_core.methods import get_method


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_value_and_gradient_are_those_of_the_formula(draw, assert_gradient, classes: int, temperature: float) -> None:
    """The loops say what the formula says; sizes do not divide and a stripe is void."""
    batch = draw(classes=classes)
    losses = get_method("kd", num_classes=classes, temperature=temperature, weight=3.0)(*batch)
    student, teacher, labels = batch.arrays()
    assert losses.terms["kd"].item() == pytest.approx(reference.kd(student, teacher, labels, temperature), rel=1e-9)
    assert_gradient(losses.terms["kd"], batch.student, lambda z: reference.kd(z, teacher, labels, temperature))
    assert losses.total.item() == pytest.approx(3 * losses.terms["kd"].item())


def test_gradcheck(draw) -> None:
    """Every entry of the gradient, against finite differences of the code itself."""
    _, teacher, labels = batch = draw(classes=3, size=(3, 3))
    method = get_method("kd", num_classes=3)
    assert torch.autograd.gradcheck(lambda student: method(student, teacher, labels).total, batch.student)


def test_void_pixels_do_not_count(draw) -> None:
    """What the teacher says where nobody labelled is not to be learnt."""
    student, teacher, _ = draw(size=(4, 4))
    labels = torch.zeros(2, 8, 8, dtype=torch.uint8)
    labels[:, :4] = 255
    method = get_method("kd", num_classes=4)
    before = method(student, teacher, labels).total
    teacher[:, :, :2] += torch.randn(2, 4, 2, 4, dtype=torch.float64)
    assert torch.equal(method(student, teacher, labels).total, before)


def test_a_single_labelled_pixel_is_the_whole_mean(draw) -> None:
    """A nearly void batch weighs like any other, although its share of labelled pixels is far below one."""
    student, teacher, labels = batch = draw(size=(2, 2), label_size=(8, 8))
    labels.fill_(255)[0, 7, 7] = 1
    ours, theirs, _ = batch.arrays()
    kd = get_method("kd", num_classes=4)(student, teacher, labels).terms["kd"]
    assert kd.item() == pytest.approx(reference.pixel_kl(ours[0, :, 1, 1], theirs[0, :, 1, 1], 2.0), rel=1e-9)


def test_uint8_labels_are_not_compared_modulo_256(draw) -> None:
    """With 256 classes 255 is one of them; torch would take it for a void value of -1."""
    student, teacher, labels = draw(classes=256, size=(2, 3))
    method = get_method("kd", num_classes=256, ignore_index=-1)
    assert torch.equal(method(student, teacher, labels.byte()).total, method(student, teacher, labels).total)


def test_all_void_is_an_exact_differentiable_zero(draw) -> None:
    """A batch of nothing but void must neither divide by 0 nor break backward."""
    student, teacher, labels = draw()
    total = get_method("kd", num_classes=4)(student, teacher, torch.full_like(labels, 255)).total
    total.backward()
    assert total.item() == 0
    assert student.grad is not None
    assert torch.equal(student.grad, torch.zeros_like(student))


def test_the_size_of_the_gradient_does_not_hang_on_the_temperature(draw) -> None:
    """T^2 is there for this (Hinton et al. 2015, section 2): without it, T = 20 would learn 400 times slower."""
    student, teacher, labels = draw()
    norms = []
    for temperature in (20.0, 80.0):
        total = get_method("kd", num_classes=4, temperature=temperature)(student, teacher, labels).total
        norms.append(torch.autograd.grad(total, student)[0].norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.1)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"weight": -1.0}, {"temperature": float("nan")}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """A negative weight would train the student away from its teacher."""
    with pytest.raises(InvalidInput, match="must be a finite number"):
        get_method("kd", num_classes=4, **options)
