"""Schedules against loops of other implementations; optimizers by what they decay."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from fakes.specks import SpeckNet
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, PolynomialLR, SequentialLR

from bpkd_core.methods import get_method
from bpkd_core.spec import Train
from bpkd_core.train.optim import distillation_weight, learning_rate, make_optimizer, set_learning_rate


def rates(plan: Train) -> list[float]:
    return [learning_rate(plan, step) for step in range(plan.steps)]


def rates_of_torch(plan: Train) -> list[float]:
    """What torch's schedulers give, stepped in a loop: LinearLR, then PolynomialLR or CosineAnnealingLR."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=plan.lr)
    decay_steps, first = plan.steps - plan.warmup_steps, 1 / (plan.warmup_steps + 1)
    decay: LRScheduler = (
        PolynomialLR(optimizer, decay_steps, plan.poly_power)
        if plan.schedule == "poly"
        else CosineAnnealingLR(optimizer, decay_steps, plan.min_lr)
    )
    scheduler = decay
    if plan.warmup_steps:
        warmup = LinearLR(optimizer, start_factor=first, total_iters=plan.warmup_steps)
        scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[plan.warmup_steps])
    found = []
    for _ in range(plan.steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")  # torch's own SequentialLR passes it
@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize("plan", [{"schedule": "poly", "min_lr": 0.0}, {"schedule": "cosine", "min_lr": 1e-4}])
def test_warm_up_and_decay_are_torchs(plan: dict[str, Any], warmup: int) -> None:
    """A schedule that is off by one step or by the end of the warm-up trains, only worse."""
    train = Train(steps=50, lr=0.02, warmup_steps=warmup, **plan)
    assert rates(train) == pytest.approx(rates_of_torch(train), rel=1e-9)


def test_poly_decays_to_its_floor_as_the_authors_schedule_does() -> None:
    """OpenMMLab steps it recursively: the rate above the floor shrinks by (1 - 1 / steps left) to the power."""
    train = Train(steps=60, lr=0.01, min_lr=1e-4, poly_power=0.9)
    rate, expected = train.lr, []
    for step in range(train.steps):
        expected.append(rate)
        rate = (rate - train.min_lr) * (1 - 1 / (train.steps - step)) ** train.poly_power + train.min_lr
    assert rates(train) == pytest.approx(expected, rel=1e-9)
    assert rate == train.min_lr


@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_a_warm_up_longer_than_the_training_only_warms_up(schedule: Literal["poly", "cosine"]) -> None:
    """A budget may leave fewer steps than the recipe warms up."""
    train = Train(warmup_steps=20, lr=0.021, schedule=schedule).model_copy(update={"steps": 5})
    assert rates(train) == pytest.approx([0.001 * (step + 1) for step in range(5)])


def test_the_methods_weight_rises_to_one() -> None:
    """The first steps belong to the labels, if wished; without a warm-up the method counts from the start."""
    assert [distillation_weight(Train(distill_warmup_steps=3), step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert distillation_weight(Train(), 0) == 1


def shapes(group: dict[str, Any]) -> list[int]:
    return sorted(p.numel() for p in group["params"])


def test_sgd_decays_everything() -> None:
    """The authors' configurations (C) name no exception for norms and biases."""
    net = SpeckNet(num_classes=3, width=8)
    (group,) = make_optimizer(net, Train(momentum=0.8, weight_decay=0.1)).param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.8, 0.1)
    assert shapes(group) == sorted(p.numel() for p in net.parameters())


def test_adamw_decays_kernels_only() -> None:
    """Pulling a norm's scale to zero is no regularisation; every parameter must still be in exactly one group."""
    net = SpeckNet(num_classes=3, width=8)
    decayed, free = make_optimizer(net, Train(optimizer="adamw", weight_decay=0.1)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert shapes(decayed) == sorted(p.numel() for p in net.parameters() if p.ndim == 4)
    assert shapes(free) == sorted(p.numel() for p in net.parameters() if p.ndim == 1)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_heads_learn_at_their_multiple_of_the_rate(optimizer: str) -> None:
    """A fresh head on a pretrained backbone: ten times the rate in some of OpenMMLab's configurations."""
    net = SpeckNet(3, width=4)
    made = make_optimizer(net, Train.model_validate({"optimizer": optimizer, "head_lr_multiplier": 10}))
    set_learning_rate(made, 0.02)
    rates = {id(p): group["lr"] for group in made.param_groups for p in group["params"]}
    for name, parameter in net.named_parameters():
        assert rates.pop(id(parameter)) == pytest.approx(0.02 if name.startswith("backbone.") else 0.2)
    assert not rates


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_a_method_learns_is_learnt_at_the_plain_rate(optimizer: str) -> None:
    """A projection that is not in the optimizer stays random, and distils noise."""
    method = get_method("mgd", num_classes=3, student_channels=4, teacher_channels=6)
    assert isinstance(method, nn.Module)
    plan = Train.model_validate({"optimizer": optimizer, "head_lr_multiplier": 10})
    made = make_optimizer(SpeckNet(3, width=4), plan, method)
    set_learning_rate(made, 0.02)
    rates = {id(p): group["lr"] for group in made.param_groups for p in group["params"]}
    learnt = list(method.parameters())
    assert learnt
    assert [rates[id(parameter)] for parameter in learnt] == [0.02] * len(learnt)
