from __future__ import annotations

import pytest
import torch
from references import methods as reference

from bpkd_core.errors import InvalidInput
from bpkd_core.methods import get_method


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(("classes", "size"), [(2, (5, 6)), (4, (1, 7)), (12, (3, 3))])
def test_value_and_gradient_are_those_of_the_formula(draw, assert_gradient, classes, size, temperature) -> None:
    """T^2 / C * sum over channels of KL over positions, as the mean over images."""
    batch = draw(classes=classes, size=size)
    losses = get_method("cwd", num_classes=classes, temperature=temperature, weight=5.0)(*batch)
    student, teacher, _ = batch.arrays()
    assert losses.terms["cwd"].item() == pytest.approx(reference.cwd(student, teacher, temperature), rel=1e-9)
    assert_gradient(losses.terms["cwd"], batch.student, lambda z: reference.cwd(z, teacher, temperature))
    assert losses.total.item() == pytest.approx(5 * losses.terms["cwd"].item())


def test_gradcheck(draw) -> None:
    """Every entry of the gradient, against finite differences of the code itself."""
    _, teacher, labels = batch = draw(classes=3, size=(3, 3))
    method = get_method("cwd", num_classes=3)
    assert torch.autograd.gradcheck(lambda student: method(student, teacher, labels).total, batch.student)


def test_a_constant_on_a_channel_changes_nothing(draw) -> None:
    """The softmax runs over positions: only *where* a class is likely counts."""
    student, teacher, labels = draw()
    method = get_method("cwd", num_classes=4)
    shifted = student + torch.tensor([3.0, -1.0, 0.0, 10.0])[:, None, None]
    assert method(shifted, teacher, labels).total.item() == pytest.approx(
        method(student, teacher, labels).total.item(), rel=1e-9
    )


def test_labels_play_no_part(draw) -> None:
    """Channel-wise distillation is defined on logits alone; all-void images distil like any other."""
    student, teacher, labels = draw()
    method = get_method("cwd", num_classes=4)
    everything_void = method(student, teacher, torch.full_like(labels, 255))
    assert torch.equal(everything_void.total, method(student, teacher, labels).total)


@pytest.mark.parametrize("options", [{"temperature": -4.0}, {"weight": float("inf")}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """Caught at construction, not as NaN after an hour."""
    with pytest.raises(InvalidInput, match="must be a finite number"):
        get_method("cwd", num_classes=4, **options)
