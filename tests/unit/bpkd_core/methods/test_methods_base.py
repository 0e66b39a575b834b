from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from references import methods as reference
from torch import Tensor

from bpkd_core import catalog
from bpkd_core.errors import InvalidInput, UnknownName
from bpkd_core.methods import GIVEN, compare_outputs, get_method
from bpkd_core.methods.base import LogitMethod, Losses
from bpkd_core.models.base import Outputs

ON_LOGITS = [name for name, row in catalog.METHODS.items() if "logits" in row.needs and "features" not in row.needs]
"""test_methods_features.py says the same of the others."""
DOCUMENTED: dict[str, dict[str, Any]] = {
    "none": {},
    "kd": {"temperature": 2.0, "weight": 1.0},
    "cwd": {"temperature": 4.0, "weight": 3.0},
    "bpkd": {
        "edge_width_px": 7,
        "temperature_edge": 1.0,
        "temperature_body": 1.0,
        "alpha": 2.0,
        "lambda_edge": 50.0,
        "lambda_body": 20.0,
        "pre_mask": "multiply",
        "post_mask": True,
        "edge_norm": "class_sum",
        "void": "transparent",
        "center": False,
    },
    "skd": {"lambda_pixel": 10.0, "lambda_pair": 10.0, "node_cells": 2},
    "ifvd": {"lambda_pixel": 10.0, "lambda_variation": 200.0},
    "cirkd": {
        "lambda_kd": 1.0,
        "lambda_batch": 1.0,
        "lambda_pixel": 0.1,
        "lambda_region": 0.1,
        "temperature": 0.1,
        "pixel_memory": 20_000,
        "region_memory": 2_000,
        "pixel_samples": 4_096,
        "region_samples": 1_024,
        "pixels_per_class": 16,
    },
    "dist": {"beta": 1.0, "gamma": 1.0, "temperature": 1.0},
    "mgd": {"weight": 2e-5, "mask_ratio": 0.75},
}


@pytest.mark.parametrize("name", catalog.METHODS)
def test_defaults_are_the_documented_ones(name: str) -> None:
    """Papers are compared at these numbers; a silent change would change every result."""
    parameters = inspect.signature(catalog.load("methods", name)).parameters
    defaults = {option: parameter.default for option, parameter in parameters.items() if option not in GIVEN}
    assert defaults == DOCUMENTED[name]
    assert parameters["ignore_index"].default == 255


@pytest.mark.parametrize("name", ON_LOGITS)
def test_a_student_that_equals_its_teacher_has_nothing_to_learn(draw, name: str) -> None:
    """0 loss and no gradient, or training would drift at the optimum."""
    student, _, labels = draw()
    total = get_method(name, num_classes=4)(student, student.detach(), labels).total
    (gradient,) = torch.autograd.grad(total, student)
    assert total.item() == pytest.approx(0, abs=1e-12)
    assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("teacher_size", [(9, 4), (3, 3), (10, 12)])
def test_a_teacher_of_another_size_is_resized_to_the_student(draw, name: str, teacher_size: tuple[int, int]) -> None:
    """Teachers come at other strides; half-pixel centres keep their maps from sliding by a fraction of a cell."""
    student, teacher, labels = draw(teacher_size=teacher_size)
    resized = torch.from_numpy(reference.resize_bilinear(teacher.numpy(), (5, 6)))
    method = get_method(name, num_classes=4)
    expected = method(student, resized, labels).total.item()
    assert method(student, teacher, labels).total.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ON_LOGITS)
def test_no_gradient_reaches_the_teacher(draw, name: str) -> None:
    """A teacher that moves towards its student is a known way to fool oneself."""
    student, teacher, labels = draw()
    teacher.requires_grad_()
    get_method(name, num_classes=4)(student, teacher, labels).total.backward()
    assert teacher.grad is None


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_compared_in_single(draw, name: str, dtype: torch.dtype) -> None:
    """Sums over positions overflow float16; only the rounding of the inputs may remain, under autocast too."""
    student, teacher, labels = draw(size=(40, 50), label_size=(120, 150))
    student, teacher = (student.detach() * 10).to(dtype), (teacher * 10).to(dtype)
    method = get_method(name, num_classes=4)
    exact = method(student.float(), teacher.float(), labels).total
    with torch.autocast("cpu", dtype=dtype):
        half = method(student.requires_grad_(), teacher, labels).total
    half.backward()
    assert half.dtype == torch.float32
    assert torch.equal(half, exact)
    assert student.grad is not None
    assert student.grad.isfinite().all()


@dataclass(frozen=True, kw_only=True)
class PairwiseProduct(LogitMethod):
    """A method with a matrix product, which autocast would compute in half precision."""

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        return Losses(total=(student_NChw @ teacher_NChw.mT).sum(), terms={})


def test_autocast_is_off_inside_a_method(draw) -> None:
    """Whatever a method computes, not only what is safe anyway, is computed in float32."""
    student, teacher, labels = draw()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = PairwiseProduct(num_classes=4)(student.bfloat16(), teacher.bfloat16(), labels).total
    assert total.dtype == torch.float32


@pytest.mark.parametrize("name", ON_LOGITS)
def test_double_precision_stays_double(draw, name: str) -> None:
    """Gradients are checked in float64; a cast to float32 inside would hide errors below 1e-7."""
    assert get_method(name, num_classes=4)(*draw()).total.dtype == torch.float64


@pytest.mark.parametrize("name", ON_LOGITS)
def test_extreme_logits_stay_finite(draw, name: str) -> None:
    """Probabilities underflow at differences of 1e4; log-softmax on both sides does not."""
    student, teacher, labels = draw()
    student = (student.detach() * 1e4).float().requires_grad_()
    total = get_method(name, num_classes=4)(student, (teacher * 1e4).float(), labels).total
    total.backward()
    assert total.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int32])
def test_labels_of_any_integer_type_are_the_same_labels(draw, name: str, dtype: torch.dtype) -> None:
    """The loader keeps uint8 as long as it can, and masks of more classes are uint16."""
    student, teacher, labels = draw()
    method = get_method(name, num_classes=4)
    assert torch.equal(method(student, teacher, labels.to(dtype)).total, method(student, teacher, labels).total)


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("labels", [torch.zeros(2, 9, 9), torch.zeros(2, 1, 9, 9).long(), torch.zeros(2, 0, 9).long()])
def test_labels_that_are_no_maps_of_integers_are_refused(draw, name: str, labels: torch.Tensor) -> None:
    """A forgotten squeeze would broadcast, and an empty batch would be NaN."""
    student, teacher, _ = draw()
    with pytest.raises(InvalidInput, match=r"they must be integers of shape \(N, H, W\)"):
        get_method(name, num_classes=4)(student, teacher, labels)


@pytest.mark.parametrize("name", ON_LOGITS)
def test_a_teacher_of_nan_is_not_hidden(draw, name: str) -> None:
    """A step with NaN is taken back by the loop, which has to see it."""
    student, teacher, labels = draw()
    teacher[0, 1, 2, 3] = torch.nan
    assert get_method(name, num_classes=4)(student, teacher, labels).total.isnan()


@pytest.mark.parametrize("name", ON_LOGITS)
def test_void_has_the_value_that_the_caller_says(draw, name: str) -> None:
    """Data sets mark void with 255, 0 or -1; the method must ask, not know."""
    student, teacher, labels = draw()
    total = get_method(name, num_classes=4, ignore_index=-1)(student, teacher, labels.where(labels != 255, -1)).total
    assert torch.equal(total, get_method(name, num_classes=4)(student, teacher, labels).total)


@pytest.mark.parametrize("name", [name for name in ON_LOGITS if name != "dist"])
def test_a_batch_is_the_mean_of_its_images(draw, name: str) -> None:
    """Or the loss would change its scale with the batch size. (Both images are fully labelled here.)

    dist correlates over the pixels of the whole batch, and has no such scale to begin with.
    """
    student, teacher, labels = draw()
    labels = labels.clamp(max=3)
    method = get_method(name, num_classes=4)
    alone = [method(student[n : n + 1], teacher[n : n + 1], labels[n : n + 1]).total.item() for n in range(2)]
    assert method(student, teacher, labels).total.item() == pytest.approx(np.mean(alone), rel=1e-9)


@pytest.mark.parametrize("name", ON_LOGITS)
def test_another_number_of_classes_is_refused_with_both_shapes(draw, name: str) -> None:
    """A teacher of 150 classes for a student of 4 is the commonest wrong pairing."""
    student, _, labels = draw()
    with pytest.raises(
        InvalidInput, match=r"teacher's logits have the shape \(2, 150, 5, 6\).*\(2, 4, height, width\)"
    ):
        get_method(name, num_classes=4)(student, torch.zeros(2, 150, 5, 6), labels)
    with pytest.raises(InvalidInput, match="student's logits"):
        get_method(name, num_classes=7)(student, torch.zeros(2, 7, 5, 6), labels)


@pytest.mark.parametrize("name", [name for name in ON_LOGITS if name not in ("cwd", "bpkd")])
def test_all_void_is_an_exact_differentiable_zero(draw, name: str) -> None:
    """A batch of nothing but void must neither divide by 0 nor break backward, whatever the weight.

    cwd, and with it the body of bpkd, compare whole maps and know no void.
    """
    student, teacher, labels = draw()
    weights = {"kd": {"weight": 1e6}, "dist": {"beta": 1e6, "gamma": 1e6}}[name]
    total = get_method(name, num_classes=4, **weights)(student, teacher, torch.full_like(labels, 255)).total
    total.backward()
    assert total.item() == 0
    assert student.grad is not None
    assert torch.equal(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize("name", ON_LOGITS)
def test_the_weighted_terms_add_up_to_the_total(draw, name: str) -> None:
    """What is logged raw and weighted must be what is minimised."""
    losses = get_method(name, num_classes=4)(*draw())
    assert losses.weighted.keys() == losses.terms.keys()
    assert sum(term.item() for term in losses.weighted.values()) == pytest.approx(losses.total.item(), rel=1e-12)


@pytest.mark.parametrize("name", [*ON_LOGITS, "none"])
def test_a_method_on_logits_asks_for_no_features(draw, name: str) -> None:
    """An ONNX teacher shows none; a recipe says what it knows of both networks to every method alike."""
    student, teacher, labels = draw()
    method = get_method(name, num_classes=4, student_channels=8, teacher_channels=None)
    losses = compare_outputs(method, Outputs(student), Outputs(teacher), labels)
    assert torch.equal(losses.total, method(student, teacher, labels).total)


def test_none_adds_exactly_zero_and_asks_for_no_teacher(draw) -> None:
    """The control must be cross-entropy and nothing else."""
    student, _, labels = draw()
    losses = get_method("none", num_classes=4)(student, None, labels)
    assert losses.total.item() == 0
    assert losses.terms == {}
    (student.sum() + losses.total).backward()
    assert torch.equal(student.grad, torch.ones_like(student))


def test_an_unknown_option_names_the_nearest() -> None:
    """A misspelt weight that is silently ignored costs a training."""
    with pytest.raises(UnknownName, match=r'option of bpkd "lamda_edge".* "lambda_edge"') as caught:
        get_method("bpkd", num_classes=4, lamda_edge=1.0)
    assert caught.value.param == "lamda_edge"


def test_an_unknown_method_names_the_nearest() -> None:
    """The same courtesy as for networks."""
    with pytest.raises(UnknownName, match='Did you mean "bpkd"'):
        get_method("bkpd", num_classes=4)
