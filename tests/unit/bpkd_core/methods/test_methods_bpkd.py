from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from references import methods as reference

from bpkd_core.errors import InvalidInput
from bpkd_core.methods import get_method
from bpkd_core.methods.bpkd import BoundaryPrivilegedKD

EDGE_OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 3.0, "alpha": 0.5},
    {"pre_mask": "off"},
    {"post_mask": False},
    {"pre_mask": "off", "post_mask": False},
    {"edge_norm": "class_mean"},
    {"edge_norm": "pixels"},
    {"edge_norm": "pixels", "post_mask": False},
    {"center": True},
]


def as_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """The reference knows one temperature, the method one per term."""
    return {"temperature_edge" if name == "temperature" else name: value for name, value in options.items()}


@pytest.mark.parametrize("options", EDGE_OPTIONS, ids=str)
@pytest.mark.parametrize(
    "drawn", [{}, {"values": 2}, {"size": (2, 1), "values": 3}], ids=["all classes", "absent classes", "few cells"]
)
def test_the_edge_term_is_that_of_the_formula(draw, assert_gradient, options: dict[str, Any], drawn) -> None:
    """L_E and its gradient against loops in the order of the paper's figure, for every option."""
    batch = draw(**drawn)
    losses = get_method("bpkd", num_classes=4, lambda_body=0, **as_arguments(options))(*batch)
    student, teacher, labels = batch.arrays()
    masks = reference.bpkd_masks(student, labels)
    expected = reference.bpkd_edge(student, teacher, masks, **options)
    assert losses.terms["edge"].item() == pytest.approx(expected, rel=1e-6)  # the masks are float32
    assert_gradient(losses.terms["edge"], batch.student, lambda z: reference.bpkd_edge(z, teacher, masks, **options))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("void", ["transparent", "as_class"])
def test_the_body_term_is_that_of_the_formula(draw, assert_gradient, void: str, temperature: float) -> None:
    """L_B: channel-wise distillation of z * (1 - M)."""
    batch = draw()
    method = get_method("bpkd", num_classes=4, lambda_edge=0, temperature_body=temperature, void=void, edge_width_px=5)
    losses = method(*batch)
    student, teacher, labels = batch.arrays()
    masks = reference.bpkd_masks(student, labels, 5, void)
    expected = reference.bpkd_body(student, teacher, masks, temperature)
    assert losses.terms["body"].item() == pytest.approx(expected, rel=1e-6)
    assert_gradient(losses.terms["body"], batch.student, lambda z: reference.bpkd_body(z, teacher, masks, temperature))


@pytest.mark.parametrize("classes", [2, 300])
def test_two_and_three_hundred_classes_agree_with_the_formula(draw, classes: int) -> None:
    """Binary masks and label values above 255 both occur; 300 classes need several words."""
    student, teacher, labels = batch = draw(classes=classes, size=(3, 4))
    terms = get_method("bpkd", num_classes=classes)(student, teacher, labels).terms
    ours, theirs, plain = batch.arrays()
    masks = reference.bpkd_masks(ours, plain)
    assert terms["edge"].item() == pytest.approx(reference.bpkd_edge(ours, theirs, masks), rel=1e-6)
    assert terms["body"].item() == pytest.approx(reference.bpkd_body(ours, theirs, masks), rel=1e-6)


@pytest.mark.parametrize("options", [{}, {"pre_mask": "off", "center": True}, {"post_mask": False}], ids=str)
def test_gradcheck(draw, options: dict[str, Any]) -> None:
    """Every entry of the gradient, against finite differences of the code itself."""
    _, teacher, labels = batch = draw(classes=3, size=(3, 3))
    method = get_method("bpkd", num_classes=3, **options)
    assert torch.autograd.gradcheck(lambda student: method(student, teacher, labels).total, batch.student)


def test_the_total_weighs_the_raw_terms(draw) -> None:
    """Terms stay raw (alpha inside, lambdas not), so that logs of runs with other weights compare."""
    losses = get_method("bpkd", num_classes=4, lambda_edge=7.0, lambda_body=3.0)(*draw())
    assert losses.total.item() == pytest.approx(7 * losses.terms["edge"].item() + 3 * losses.terms["body"].item())


@pytest.mark.parametrize(("off", "left"), [("lambda_edge", {"body"}), ("lambda_body", {"edge"})])
def test_a_term_of_weight_zero_is_not_computed(draw, off: str, left: set[str]) -> None:
    """The ablations cost what they use, and NaN in an unused term cannot spread through 0 * NaN."""
    losses = get_method("bpkd", num_classes=4, **{off: 0.0})(*draw())
    assert losses.terms.keys() == left


@pytest.mark.parametrize("fill", [0, 255], ids=["one class", "all void"])
@pytest.mark.parametrize(
    "options",
    [{}, {"post_mask": False, "pre_mask": "off"}, {"edge_norm": "class_mean"}, {"edge_norm": "pixels"}],
    ids=str,
)
def test_without_an_edge_the_edge_term_is_an_exact_differentiable_zero(draw, options, fill: int) -> None:
    """Crops of road alone, or of void alone, come up in every epoch; n_c is 0 there."""
    student, teacher, labels = draw()
    method = get_method("bpkd", num_classes=4, lambda_body=0, **options)
    total = method(student, teacher, torch.full_like(labels, fill)).total
    total.backward()
    assert total.item() == 0
    assert student.grad is not None
    assert torch.equal(student.grad, torch.zeros_like(student))


def test_without_an_edge_the_body_is_plain_channel_wise_distillation(draw) -> None:
    """1 - M is 1 everywhere, which ties the two methods together."""
    student, teacher, labels = draw()
    labels = torch.zeros_like(labels)
    body = get_method("bpkd", num_classes=4, temperature_body=4.0)(student, teacher, labels).terms["body"]
    cwd = get_method("cwd", num_classes=4, temperature=4.0)(student, teacher, labels).terms["cwd"]
    assert torch.equal(body, cwd)


def test_centring_makes_the_edge_term_blind_to_a_shift_and_the_default_is_not(draw) -> None:
    """With z * M a shift of all logits moves only those on an edge: the known trap, kept by default as drawn."""
    student, teacher, labels = draw()

    def edge(shift: float, center: bool) -> float:
        return get_method("bpkd", num_classes=4, center=center)(student + shift, teacher, labels).terms["edge"].item()

    assert edge(5.0, center=True) == pytest.approx(edge(0.0, center=True), rel=1e-9)
    assert edge(5.0, center=False) != pytest.approx(edge(0.0, center=False), rel=0.05)


def test_the_diagnostic_is_the_gap_of_the_mean_logits(draw) -> None:
    """The shift that the edge term is not blind to is logged, and takes no part in the gradient."""
    student, teacher, labels = draw()
    losses = get_method("bpkd", num_classes=4)(student + 5, teacher, labels)
    expected = 5 + student.detach().mean() - teacher.mean()
    assert losses.diagnostics["mean_logit_gap"].item() == pytest.approx(expected.item())
    assert not losses.diagnostics["mean_logit_gap"].requires_grad


def test_the_mean_over_classes_does_not_grow_with_the_classes_present(draw) -> None:
    """class_sum grows with them by definition; class_mean is there for those who do not want that."""
    batch = draw(classes=6, values=5, images=1)
    student, _, labels = batch.arrays()
    present = np.count_nonzero(reference.bpkd_masks(student, labels).sum((2, 3)))
    summed, mean = (
        get_method("bpkd", num_classes=6, edge_norm=norm)(*batch).terms["edge"].item()
        for norm in ("class_sum", "class_mean")
    )
    assert summed == pytest.approx(present * mean)


def test_only_pixels_in_the_band_reach_the_edge_gradient(draw) -> None:
    """The privilege of boundaries: a student's logit inside a body has no part in L_E."""
    student, teacher, labels = batch = draw(size=(17, 23))
    total = get_method("bpkd", num_classes=4, lambda_body=0)(student, teacher, labels).total
    (gradient,) = torch.autograd.grad(total, student)
    masks = reference.bpkd_masks(*batch.arrays()[::2])
    assert np.array_equal(gradient.numpy() != 0, masks > 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"edge_width_px": 6}, "odd"),
        ({"edge_width_px": -1}, "odd"),
        ({"temperature_edge": 0}, "temperature_edge is 0"),
        ({"temperature_body": -1}, "temperature_body is -1"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"lambda_edge": -1}, "lambda_edge is -1"),
        ({"pre_mask": "divide"}, "multiply, off"),
        ({"edge_norm": "sum"}, "class_sum, class_mean, pixels"),
        ({"void": "black"}, "transparent, as_class"),
        ({"lambda_edge": 0, "lambda_body": 0}, 'method "none"'),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any], says: str) -> None:
    """Each sentence names what would work; a job must not fail on its first batch instead."""
    with pytest.raises(InvalidInput, match=says):
        get_method("bpkd", num_classes=4, **options)


def test_edges_made_before_give_the_same_bits(draw) -> None:
    """A training makes them where it makes the labels; the loss must not know the difference."""
    method = BoundaryPrivilegedKD(num_classes=4)
    student, teacher, labels = draw()
    bands = method.bands(labels, (student.shape[2], student.shape[3]))
    assert method(student, teacher, labels, bands=bands).total == method(student, teacher, labels).total


def test_edges_of_another_size_are_refused(draw) -> None:
    """They would weigh the wrong pixels, if the index did not run out of the logits first."""
    method = BoundaryPrivilegedKD(num_classes=4)
    student, teacher, labels = draw()
    with pytest.raises(InvalidInput, match=r"The edges have the shape \(.*, 4, 3, 3\); expected the student's"):
        method(student, teacher, labels, bands=method.bands(labels, (3, 3)))
