"""A running mean of the weights, which often scores better than the weights of any one step."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


class Ema(Generic[Net]):
    """A second network: mean <- d * mean + (1 - d) * weights after each step.

    The running statistics of batch norms are averaged like weights, counters are copied. In the first steps d is lower,
    (1 + step) / (10 + step), so that the mean forgets the random start (as TensorFlow's ExponentialMovingAverage does).
    """

    def __init__(self, net: Net, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, net: Net, step: int) -> None:
        """Take in the weights after `step` finished steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for ours, theirs in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - decay)
            else:
                ours.copy_(theirs)
