"""Optimizers and learning-rate schedules, as functions of a :class:`bpkd_core.spec.Train`."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from bpkd_core.spec import Train


def make_optimizer(net: nn.Module, plan: Train) -> Optimizer:
    """SGD with momentum, or AdamW. Norms and biases are decayed too with SGD (the authors' configs), not with AdamW."""
    if plan.optimizer == "sgd":
        return SGD(net.parameters(), lr=plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay, fused=True)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    free = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return AdamW(groups, lr=plan.lr, fused=True)


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
