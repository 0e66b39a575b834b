from __future__ import annotations

import pytest
import torch
from references import features as reference
from torch import Tensor, nn

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.mgd import MaskedGenerativeKD


def layer(module: nn.Module) -> tuple:
    return tuple(parameter.detach().numpy() for parameter in module.parameters())


@pytest.mark.parametrize("teacher_channels", [4, 3], ids=["aligned", "of equal channels"])
def test_value_and_gradient_are_those_of_the_formula(
    draw, draw_features, make, assert_gradient, teacher_channels: int
) -> None:
    """Convolutions, mask and sum of squares by loops."""
    batch, (student, teacher) = draw(), draw_features()
    teacher = teacher[:, :teacher_channels]
    method: MaskedGenerativeKD = make("mgd", teacher_channels=teacher_channels, weight=0.5)
    torch.manual_seed(3)
    losses = method(*batch, features=(student, teacher))
    torch.manual_seed(3)
    visible = (torch.rand(2, 1, 5, 6) >= 0.75)[:, 0].numpy()
    align = layer(method.align) if teacher_channels != 3 else None
    layers = align, layer(method.generate[0]), layer(method.generate[2])

    def formula(maps) -> float:
        return reference.mgd(maps, teacher.numpy(), batch.labels.numpy(), visible, *layers)

    assert losses.terms["mgd"].item() == pytest.approx(formula(student.detach().numpy()), rel=1e-9)
    assert_gradient(losses.terms["mgd"], student, formula)
    assert losses.total.item() == pytest.approx(0.5 * losses.terms["mgd"].item())


def test_the_mask_hides_its_share_of_the_cells_and_changes_with_the_step(make) -> None:
    """The generator has to guess three quarters of the picture, other ones each time, the same after a restart."""
    method: MaskedGenerativeKD = make("mgd")
    maps = torch.zeros(2, 3, 100, 100)

    def draw_for(step: int) -> Tensor:
        torch.manual_seed(step)
        return method._draw_mask(maps)

    assert draw_for(1).mean().item() == pytest.approx(0.25, abs=0.01)
    assert torch.equal(draw_for(1), draw_for(1))
    assert not torch.equal(draw_for(1), draw_for(2))


def test_nothing_hidden_shows_all(make) -> None:
    """A ratio of 0 is plain feature regression, for an ablation."""
    assert make("mgd", mask_ratio=0)._draw_mask(torch.zeros(1, 3, 9, 9)).min() == 1


def test_what_it_learns_gets_gradients(draw, draw_features, make) -> None:
    """Adapter and generator are trained with the student, or the student would chase random convolutions."""
    method: MaskedGenerativeKD = make("mgd")
    method(*draw(), features=draw_features()).total.backward()
    assert len(list(method.parameters())) == 6
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in method.parameters())


def test_void_does_not_count(draw, draw_features, make) -> None:
    """The sum goes over labelled cells; the teacher may say what it likes elsewhere."""
    student, teacher, _ = draw(size=(4, 4))
    labels = torch.zeros(2, 8, 8, dtype=torch.uint8)
    labels[:, :4] = 255
    ours, theirs = draw_features(size=(4, 4))
    method = make("mgd", mask_ratio=0)
    before = method(student, teacher, labels, features=(ours, theirs)).total
    theirs[:, :, :2] += 7
    assert torch.equal(method(student, teacher, labels, features=(ours, theirs)).total, before)


@pytest.mark.parametrize("ratio", [-0.1, 1.0, float("nan")])
def test_a_ratio_that_hides_everything_is_refused(make, ratio: float) -> None:
    """Nothing would reach the student."""
    with pytest.raises(InvalidInput, match=r"mask_ratio is .*; it must be from 0 to below 1"):
        make("mgd", mask_ratio=ratio)
