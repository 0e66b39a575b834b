"""All that the next step depends on: what a checkpoint holds, and what a step that is taken back must not move."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from bpkd_core.models.base import SegmentationNet
from bpkd_core.spec import Train
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.ema import Ema
from bpkd_core.train.objective import Distillation
from bpkd_core.train.optim import make_optimizer
from bpkd_core.train.precision import make_scaler


@dataclass
class Progress:
    """Where a training stands.

    skipped: steps in a row without a finite loss, up to now. parts: passes of a step, more than the schedule asks for
    once memory ran short. rate: factor of every learning rate, lower once the training was rolled back.
    """

    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    parts: int = 1
    rate: float = 1.0
    best_miou: float | None = None
    values: dict[str, float] = field(default_factory=dict[str, float])


@dataclass
class State:
    """The moving parts of one training. `method` is the part of the method that learns or remembers, if it has one."""

    net: SegmentationNet
    optimizer: Optimizer
    scaler: torch.amp.GradScaler
    ema: Ema[SegmentationNet] | None
    method: nn.Module | None
    progress: Progress

    @classmethod
    def fresh(cls, net: SegmentationNet, plan: Train, distillation: Distillation | None, device: torch.device) -> State:
        """Everything at its start, on the device; `net` as it is."""
        net.to(device).to(memory_format=torch.channels_last).train()
        learner = distillation.method if distillation else None
        method = learner.to(device).train() if isinstance(learner, nn.Module) else None
        return cls(
            net,
            make_optimizer(net, plan, method),
            make_scaler(plan.precision, device),
            Ema(net, plan.ema) if plan.ema else None,
            method,
            Progress(parts=plan.accumulate),
        )

    @property
    def served(self) -> SegmentationNet:
        """The network to validate and to export: the running mean where there is one."""
        return self.ema.net if self.ema else self.net

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that is learnt, the method's part included."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All that a checkpoint keeps tensors of, by name."""
        found = {"net": self.net, "ema": self.ema and self.ema.net, "method": self.method}
        return {name: module for name, module in found.items() if module is not None}

    def save(self, checkpoints: Checkpoints) -> Any:
        """Write a checkpoint and return its row in the index."""
        state = {name: module.state_dict() for name, module in self.modules.items()}
        state |= {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}
        return checkpoints.save(self.progress.step, {**state, "progress": asdict(self.progress)})

    def resume(self, checkpoints: Checkpoints, *, sound: bool = False) -> bool:
        """Put the newest whole checkpoint back, or the newest `sound` one: of a step that was not skipped.

        False, and nothing moved, where there is none.
        """
        found = checkpoints.load(lambda saved: not (sound and saved["progress"]["skipped"]))
        if found is None:
            return False
        _, saved = found
        for name, module in self.modules.items():
            module.load_state_dict(saved[name])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scaler.load_state_dict(saved["scaler"])
        vars(self.progress).update(saved["progress"])
        return True
