"""A training of a speck on drawn scenes, which may be stopped and started again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bpkd_core.data import SegmentationDataset
from bpkd_core.events import Event
from bpkd_core.methods import get_method
from bpkd_core.models import SegmentationNet
from bpkd_core.spec import Train
from bpkd_core.teachers import TorchTeacher
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.distributed import ALONE, Group
from bpkd_core.train.loop import CPU, Distillation, Trained, train
from fakes.specks import DrawnSpecks, SpeckNet, speck, speck_teacher, speck_train

CLASSES = 11
Weights = dict[str, Tensor]


def fresh(make: Callable[[int], SegmentationNet] = speck) -> SegmentationNet:
    torch.manual_seed(0)
    return make(CLASSES)


def plain(num_classes: int) -> SegmentationNet:
    """A speck without batch norm and dropout: what it makes of an image does not depend on the images beside it."""
    net = SpeckNet(num_classes, width=8)
    net.stem[1] = net.backbone[1] = net.head[0] = nn.Identity()
    return net


def distil(method: str, **options: Any) -> Distillation:
    teacher = TorchTeacher(fresh(speck_teacher), precision="fp32", device=torch.device("cpu"))
    channels = {"student_channels": 8, "teacher_channels": 16}
    return Distillation(teacher, get_method(method, num_classes=CLASSES, **channels, **options))


@dataclass
class Training:
    """Events are collected and checkpoints kept in `folder`."""

    folder: Path
    data: SegmentationDataset = field(default_factory=DrawnSpecks)
    net: SegmentationNet = field(default_factory=fresh)
    events: list[Event] = field(default_factory=list[Event])

    def start(
        self,
        distillation: Distillation | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        group: Group = ALONE,
        device: torch.device = CPU,
        **changes: Any,
    ) -> Trained:
        """Go on from the newest checkpoint; `changes` are fields of the schedule."""
        return train(
            self.net,
            Train.model_validate(speck_train(**changes)),
            self.data,
            self.data,
            stage="training_student",
            checkpoints=self.checkpoints,
            emit=self.events.append,
            stop=stop,
            distillation=distillation,
            group=group,
            device=device,
        )

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder)

    @property
    def weights(self) -> Weights:
        """A copy of every parameter and buffer."""
        return copied(self.net)

    def said(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]


def copied(net: torch.nn.Module) -> Weights:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same_bits(a: Weights, b: Weights) -> bool:
    assert a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


def after(calls: int) -> Callable[[], bool]:
    """A wish to stop that comes with the call of this number."""
    left = calls

    def asked() -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    return asked
