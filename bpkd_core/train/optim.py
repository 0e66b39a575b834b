"""Optimizers and learning-rate schedules, as functions of a :class:`bpkd_core.spec.Train`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from bpkd_core.models.base import SegmentationNet
from bpkd_core.spec import Train


def make_optimizer(net: SegmentationNet, plan: Train, method: nn.Module | None = None) -> Optimizer:
    """SGD with momentum, or AdamW, over the weights of a network and of what its method learns.

    Norms and biases are decayed too with SGD (the authors' configs), not with AdamW. Each group holds its `multiplier`
    of the learning rate.
    """
    groups = [group for group in _groups(net, plan, method) if group["params"]]
    if plan.optimizer == "sgd":
        return SGD(groups, lr=plan.lr, momentum=plan.momentum, fused=True)
    return AdamW(groups, lr=plan.lr, fused=True)


def _groups(net: SegmentationNet, plan: Train, method: nn.Module | None) -> Iterator[dict[str, Any]]:
    backbone: list[nn.Parameter] = []
    heads: list[nn.Parameter] = []
    for name, parameter in net.named_parameters():
        (backbone if name.startswith(net.backbone_prefix) else heads).append(parameter)
    if plan.head_lr_multiplier == 1:
        backbone, heads = [*net.parameters()], []
    learnt = [*method.parameters()] if method else []
    for parameters, multiplier in ((backbone, 1.0), (heads, plan.head_lr_multiplier), (learnt, 1.0)):
        if plan.optimizer == "sgd":
            yield {"params": parameters, "weight_decay": plan.weight_decay, "multiplier": multiplier}
            continue
        for decay, kept in ((plan.weight_decay, True), (0.0, False)):
            chosen = [p for p in parameters if (p.ndim > 1) is kept]
            yield {"params": chosen, "weight_decay": decay, "multiplier": multiplier}


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every group its multiple of the rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["multiplier"]


def learning_rate(plan: Train, step: int) -> float:
    """The rate of optimizer step `step` (from 0): linear warm-up, then poly or cosine decay from lr to min_lr.

    Poly as in MMSegmentation (C): (lr - min_lr) * (1 - step / steps) ** power + min_lr.
    """
    if step < plan.warmup_steps:
        return plan.lr * (step + 1) / (plan.warmup_steps + 1)
    done = (step - plan.warmup_steps) / max(1, plan.steps - plan.warmup_steps)
    left = max(0.0, 1.0 - done)
    decay = left**plan.poly_power if plan.schedule == "poly" else (1 + math.cos(math.pi * (1 - left))) / 2
    return (plan.lr - plan.min_lr) * decay + plan.min_lr


def distillation_weight(plan: Train, step: int) -> float:
    """The share of the method's loss at `step`: rises from 0 to 1 over `distill_warmup_steps`."""
    return min(1.0, (step + 1) / (plan.distill_warmup_steps + 1))
