"""What holds for every method that compares features."""

from __future__ import annotations

import copy
from dataclasses import fields

import pytest
import torch
from references import methods as reference

from bpkd_core import catalog
from bpkd_core.errors import InvalidInput
from bpkd_core.methods import compare_outputs, get_method
from bpkd_core.models.base import Outputs

ON_FEATURES = [name for name, row in catalog.METHODS.items() if "features" in row.needs]

pytestmark = pytest.mark.parametrize("name", ON_FEATURES)


def test_gradcheck(draw, draw_features, make, name: str) -> None:
    """Logits and features along random directions, against finite differences of the code itself."""
    student, teacher, labels = draw(size=(3, 3))
    ours, theirs = draw_features(size=(3, 3))
    method = make(name)

    def total(student, ours):
        torch.manual_seed(1)
        return copy.deepcopy(method)(student, teacher, labels, features=(ours, theirs)).total

    assert torch.autograd.gradcheck(total, (student, ours), fast_mode=True)


def test_the_weighted_terms_add_up_to_the_total(draw, draw_features, make, name: str) -> None:
    """What is logged raw and weighted must be what is minimised."""
    losses = make(name)(*draw(), features=draw_features())
    assert losses.weighted.keys() == losses.terms.keys()
    assert sum(term.item() for term in losses.weighted.values()) == pytest.approx(losses.total.item(), rel=1e-12)


@pytest.mark.parametrize("teacher_size", [(9, 4), (3, 3), (10, 12)])
def test_a_teacher_of_another_size_is_resized_to_the_student(
    draw, draw_features, make, name: str, teacher_size
) -> None:
    """Logits and features alike, with half-pixel centres."""
    student, teacher, labels = draw(teacher_size=teacher_size)
    ours, theirs = draw_features(teacher_size=teacher_size)
    totals = []
    for maps in (
        (teacher, theirs),
        [torch.from_numpy(reference.resize_bilinear(z.numpy(), (5, 6))) for z in (teacher, theirs)],
    ):
        method = make(name)
        torch.manual_seed(1)
        totals.append(method(student, maps[0], labels, features=(ours, maps[1])).total.item())
    assert totals[0] == pytest.approx(totals[1], rel=1e-9)


def test_features_may_have_another_size_than_logits(draw, draw_features, make, name: str) -> None:
    """A head may upsample after its classifier, or classify before it upsamples."""
    losses = make(name)(*draw(size=(9, 11)), features=draw_features(size=(5, 6)))
    assert losses.total.isfinite()


def test_no_gradient_reaches_the_teacher(draw, draw_features, make, name: str) -> None:
    """A teacher that moves towards its student is a known way to fool oneself."""
    student, teacher, labels = draw()
    ours, theirs = draw_features()
    make(name)(student, teacher.requires_grad_(), labels, features=(ours, theirs.requires_grad_())).total.backward()
    assert teacher.grad is None
    assert theirs.grad is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_compared_in_single(draw, draw_features, make, name: str, dtype: torch.dtype) -> None:
    """Sums over cells and pairs overflow float16; only the rounding of the inputs may remain, under autocast too."""
    student, teacher, labels = draw(size=(20, 25))
    halves = [(each.detach() * 10).to(dtype) for each in (student, teacher, *draw_features(size=(20, 25)))]
    method = make(name).float()
    again = copy.deepcopy(method)
    student, teacher, ours, theirs = (each.float() for each in halves)
    torch.manual_seed(1)
    exact = method(student, teacher, labels, features=(ours, theirs)).total
    student, teacher, ours, theirs = (each.requires_grad_() for each in halves)
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=dtype):
        half = again(student, teacher, labels, features=(ours, theirs)).total
    half.backward()
    assert half.dtype == torch.float32
    assert torch.equal(half, exact)
    assert ours.grad is not None
    assert ours.grad.isfinite().all()


def test_double_precision_stays_double(draw, draw_features, make, name: str) -> None:
    """Gradients are checked in float64; a cast to float32 inside would hide errors below 1e-7."""
    assert make(name)(*draw(), features=draw_features()).total.dtype == torch.float64


@pytest.mark.parametrize("scale", [1e-20, 1e4])
def test_extreme_numbers_stay_finite(draw, draw_features, make, name: str, scale: float) -> None:
    """Directions of vectors that nearly vanish, scores that underflow a softmax."""
    student, teacher, labels = draw()
    ours, theirs = ((maps.detach() * scale).float().requires_grad_() for maps in draw_features())
    student = (student.detach() * scale).float().requires_grad_()
    total = make(name).float()(student, (teacher * scale).float(), labels, features=(ours, theirs)).total
    total.backward()
    assert total.isfinite()
    assert ours.grad is not None
    assert ours.grad.isfinite().all()


def test_dead_features_get_finite_gradients(draw, draw_features, make, name: str) -> None:
    """After a ReLU a cell may be all 0, and a fresh student may be so everywhere."""
    batch, (ours, theirs) = draw(), draw_features()
    dead = torch.zeros_like(ours, requires_grad=True)
    make(name)(*batch, features=(dead, theirs)).total.backward()
    assert dead.grad is not None
    assert dead.grad.isfinite().all()


def test_labels_of_any_integer_type_are_the_same_labels(draw, draw_features, make, name: str) -> None:
    """The loader keeps uint8 as long as it can, and masks of more classes are uint16."""
    student, teacher, labels = draw()
    totals = []
    for each in (labels, labels.byte(), labels.to(torch.uint16)):
        method = make(name)
        torch.manual_seed(1)
        totals.append(method(student, teacher, each, features=draw_features()).total)
    assert torch.equal(totals[0], totals[1])
    assert torch.equal(totals[0], totals[2])


def test_features_of_nan_are_not_hidden(draw, draw_features, make, name: str) -> None:
    """A step with NaN is taken back by the loop, which has to see it."""
    features = draw_features()
    features.teacher[0, 1, 2, 3] = torch.nan
    assert make(name)(*draw(), features=features).total.isnan()


def test_void_has_the_value_that_the_caller_says(draw, draw_features, make, name: str) -> None:
    """Data sets mark void with 255, 0 or -1; the method must ask, not know."""
    student, teacher, labels = draw()
    totals = []
    for ignore_index in (255, -1):
        method = make(name, ignore_index=ignore_index)
        torch.manual_seed(1)
        total = method(student, teacher, labels.where(labels != 255, ignore_index), features=draw_features()).total
        totals.append(total)
    assert torch.equal(*totals)


@pytest.mark.parametrize("classes", [2, 300])
def test_two_and_three_hundred_classes_work(draw, draw_features, make, name: str, classes: int) -> None:
    """Binary masks and label values above 255 both occur."""
    assert make(name, classes=classes)(*draw(classes=classes), features=draw_features()).total.isfinite()


def test_one_class_is_enough(draw, draw_features, make, name: str) -> None:
    """Crops of road alone come up in every epoch."""
    student, teacher, labels = draw()
    total = make(name)(student, teacher, torch.zeros_like(labels), features=draw_features()).total
    total.backward()
    assert total.isfinite()
    assert total.item() > 0


def test_all_void_is_an_exact_differentiable_zero(draw, draw_features, make, name: str) -> None:
    """A batch of nothing but void must neither divide by 0 nor break backward, nor be remembered."""
    student, teacher, labels = draw()
    ours, theirs = draw_features()
    method = make(name)
    total = method(student, teacher, torch.full_like(labels, 255), features=(ours, theirs)).total
    total.backward()
    assert total.item() == 0
    assert ours.grad is not None
    assert torch.equal(ours.grad, torch.zeros_like(ours))
    assert student.grad is None or torch.equal(student.grad, torch.zeros_like(student))
    assert all(p.grad is None or not p.grad.any() for p in method.parameters())
    assert not any(buffer.any() for name, buffer in method.named_buffers() if "stored" in name)


def test_a_run_that_goes_on_from_a_checkpoint_has_the_same_bits(draw, draw_features, make, name: str) -> None:
    """Weights, running means and memories are in the state; the rest is drawn from the step's seed."""
    batches = [(draw(seed=seed), draw_features()) for seed in range(4)]

    def step(method, number: int) -> torch.Tensor:
        batch, features = batches[number]
        torch.manual_seed(number)
        return method(*batch, features=features).total

    method = make(name)
    whole = [step(method, number) for number in range(2)]
    state = copy.deepcopy(method.state_dict())
    whole += [step(method, number) for number in range(2, 4)]
    other = make(name)
    other.load_state_dict(state)
    assert [total.item() for total in whole[2:]] == [step(other, number).item() for number in range(2, 4)]


def test_other_channels_than_announced_are_refused(draw, draw_features, make, name: str) -> None:
    """With both shapes in the sentence; a convolution's own error names neither network."""
    ours, theirs = draw_features()
    with pytest.raises(
        InvalidInput, match=r"teacher's features have the shape \(2, 3, 5, 6\).*\(2, 4, height, width\)"
    ):
        make(name)(*draw(), features=(ours, theirs[:, :3]))
    with pytest.raises(InvalidInput, match="student's features"):
        make(name)(*draw(), features=(ours[:1], theirs))


def test_a_network_without_features_is_refused_when_the_method_is_built(name: str) -> None:
    """An ONNX teacher shows scores only; training must not begin."""
    with pytest.raises(InvalidInput, match=f'"{name}" compares features, and this teacher shows class scores only'):
        get_method(name, num_classes=4, student_channels=3)
    with pytest.raises(InvalidInput, match="and this student shows"):
        get_method(name, num_classes=4, teacher_channels=3)


def test_outputs_without_features_are_refused_by_who_hides_them(draw, draw_features, make, name: str) -> None:
    """Where a network promises features and gives none."""
    student, teacher, labels = draw()
    ours, theirs = draw_features()
    method = make(name)
    with pytest.raises(InvalidInput, match="this teacher"):
        compare_outputs(method, Outputs(student, features=ours), Outputs(teacher), labels)
    losses = compare_outputs(method, Outputs(student, features=ours), Outputs(teacher, features=theirs), labels)
    assert losses.total.isfinite()


def test_a_weight_is_a_finite_number(make, name: str) -> None:
    """A negative weight would train the student away from its teacher."""
    options = [field.name for field in fields(catalog.load("methods", name))]
    weights = [option for option in options if option.startswith(("lambda_", "weight"))]
    assert weights
    for weight in weights:
        with pytest.raises(InvalidInput, match=f"{weight} is -1"):
            make(name, **{weight: -1})
