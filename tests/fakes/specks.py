"""What a whole run needs and no more: networks of a few hundred weights, ten drawn scenes, a specification of both.

The networks come as a package outside the repository would bring them, through an entry point, so that a child process
finds them too. They hold all that training has a state of: running means, dropout, an auxiliary head.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import Sample, draw_scene, write_scenes
from bpkd_core.data.scenes import CLASSES
from bpkd_core.models.base import Outputs, SegmentationNet

HEIGHT, WIDTH = 64, 96
ENTRY_POINTS = "[bpkd.models]\nspeck = fakes.specks:speck\nspeck_teacher = fakes.specks:speck_teacher\n"


class SpeckNet(SegmentationNet):
    """Two strided convolutions with batch norm, dropout, and a head at 1/4; the auxiliary head sits at 1/2."""

    auxiliary = ("aux_head.",)

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__(num_classes, stride=4, feature_channels=width)
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.backbone = nn.Sequential(nn.Conv2d(width, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Conv2d(width, num_classes, 1))
        self.aux_head = nn.Conv2d(width, num_classes, 1)

    def score(self, images_NCHW: Tensor) -> Outputs:
        early = self.stem(images_NCHW)
        features = self.backbone(early)
        return Outputs(self.head(features), (self.aux_head(early),) if self.training else (), features)


def speck(num_classes: int) -> SegmentationNet:
    return SpeckNet(num_classes, width=8)


def speck_teacher(num_classes: int) -> SegmentationNet:
    return SpeckNet(num_classes, width=16)


def install(folder: Path) -> list[Path]:
    """Make a package that names the networks; returns what must be on the path of a process that is to find them."""
    package = folder / "specks-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: specks\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(ENTRY_POINTS)
    return [folder, Path(__file__).parents[1]]


def write_specks(root: Path) -> Path:
    """Ten drawn scenes on disk: six to train on, two to validate, two to test."""
    write_scenes(root, train=6, val=2, test=2, height=HEIGHT, width=WIDTH)
    return root


class DrawnSpecks:
    """A few drawn scenes in memory."""

    classes: Sequence[ClassInfo] = tuple(CLASSES)

    def __init__(self, seed: int = 0, length: int = 4) -> None:
        self.samples = [draw_scene(seed * 1000 + number, HEIGHT, WIDTH) for number in range(length)]
        self.names = [f"scene {number}" for number in range(length)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> Sample:
        return self.samples[index]


def speck_train(**changes: Any) -> dict[str, Any]:
    """A schedule of four steps."""
    plan = {
        "steps": 4,
        "batch_size": 2,
        "crop": [HEIGHT, WIDTH],
        "optimizer": "adamw",
        "lr": 0.01,
        "precision": "fp32",
        "eval_every": 2,
        "checkpoint_every": 2,
    }
    return {**plan, **changes}


def speck_spec(dataset: Path, **changes: Any) -> dict[str, Any]:
    """A distillation of one network into the other."""
    spec = {
        "dataset": str(dataset),
        "student": {"arch": "speck"},
        "teacher": {"type": "train", "arch": "speck_teacher"},
        "train": speck_train(),
    }
    return {**spec, **changes}
