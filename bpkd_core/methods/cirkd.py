"""Cross-image relational distillation (Yang et al., CVPR 2022, arXiv 2204.06986): what a pixel resembles elsewhere.

The marks are those of bpkd.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.base import Losses, Pair, check_positive, check_weights
from bpkd_core.methods.divergence import pixel_kl
from bpkd_core.methods.features import FeatureMethod, unit
from bpkd_core.methods.kd import pixel_loss
from bpkd_core.methods.labelled import labelled_share, labels_at, mean_over_labelled
from bpkd_core.methods.memory import ClassMemory, rank_within
from bpkd_core.methods.prototypes import as_rows, class_means

WEIGHTS = ("lambda_kd", "lambda_batch", "lambda_pixel", "lambda_region")
SIZES = ("pixel_memory", "region_memory", "pixel_samples", "region_samples", "pixels_per_class")


@dataclass(kw_only=True, eq=False)
class CrossImageKD(FeatureMethod):
    """`lambda_kd L_kd + lambda_batch L_batch + lambda_pixel L_pixel + lambda_region L_region`.

    Each of the last three compares distributions softmax(cosine / temperature), KL(teacher || student), of a cell:

    L_batch: over the cells of an image of the batch, for each pair of images, on 2 x 2 means of the features (C).
    L_pixel: over teacher's cells from a memory of earlier images. The student's features are brought into the
        teacher's space by two 1x1 convolutions with a batch norm and a ReLU between (C).
    L_region: the same over regions: the teacher's mean feature of a class in an image (C).
    L_kd: KL of the class probabilities, T = 1 (C).

    lambda_kd, lambda_batch, lambda_pixel, lambda_region: 1, 1, 0.1, 0.1; temperature 0.1 (C).
    pixel_memory, region_memory: capacity per class, 20,000 and 2,000 (C). With 19 classes and features of 512 channels
        that is 0.43 GB, in each checkpoint too (see :class:`ClassMemory`).
    pixel_samples, region_samples: vectors drawn each step, 4,096 and 1,024, evenly over the classes that the memory
        holds (C; with replacement, and only of what was stored: D).
    pixels_per_class: cells of each class of each image that are stored, drawn at random, 16 (C).

    A cell counts by its share of labelled pixels; void is in nobody's distribution and in no memory (D).
    """

    lambda_kd: float = 1.0
    lambda_batch: float = 1.0
    lambda_pixel: float = 0.1
    lambda_region: float = 0.1
    temperature: float = 0.1
    pixel_memory: int = 20_000
    region_memory: int = 2_000
    pixel_samples: int = 4_096
    region_samples: int = 1_024
    pixels_per_class: int = 16

    def __post_init__(self) -> None:
        """Draw the projection's initial weights and make the memories. Raises InvalidInput for an option."""
        super().__post_init__()
        check_positive(temperature=self.temperature)
        check_weights(**{name: getattr(self, name) for name in WEIGHTS})
        for name in SIZES:
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}; it must be at least 1.", param=name)
        ours, theirs = self.student_channels, self.teacher_channels
        self.project = nn.Sequential(
            nn.Conv2d(ours, theirs, 1, bias=False),
            nn.BatchNorm2d(theirs),
            nn.ReLU(),
            nn.Conv2d(theirs, theirs, 1, bias=False),
        )
        self.pixels = ClassMemory(self.num_classes, self.pixel_memory, theirs)
        self.regions = ClassMemory(self.num_classes, self.region_memory, theirs)

    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        """The terms are `kd`, `batch`, `pixel` and `region`. The batch is in the memories before it is compared (C)."""
        student_NDhw, teacher_NDhw = features
        share_Nhw = labelled_share(labels_NHW, student_NDhw, self.ignore_index)
        share_M = share_Nhw.flatten()
        cells = unit(as_rows(self.project(student_NDhw)), dim=1), unit(as_rows(teacher_NDhw), dim=1)
        self._remember(unit(teacher_NDhw, dim=1), labels_NHW)

        return Losses.weigh(
            {name.removeprefix("lambda_"): getattr(self, name) for name in WEIGHTS},
            {
                "kd": lambda: pixel_loss(logits, labels_NHW, self.ignore_index, temperature=1.0),
                "batch": lambda: self._batch(features, share_Nhw),
                "pixel": lambda: self._against(cells, self.pixels.sample(self.pixel_samples), share_M),
                "region": lambda: self._against(cells, self.regions.sample(self.region_samples), share_M),
            },
        )

    def _batch(self, features: Pair, share_Nhw: Tensor) -> Tensor:
        """L_batch: the cells of each image against those of each image; a void cell is in no distribution."""
        share_NA = pool(share_Nhw[:, None])[:, 0]
        student_NAD, teacher_NAD = (unit(pool(maps * share_Nhw[:, None]), dim=1).mT for maps in features)
        differences_NNA = [
            self._differences((student_AD @ student_NAD.mT, teacher_AD @ teacher_NAD.mT), share_NA[:, None] == 0)
            for student_AD, teacher_AD in zip(student_NAD, teacher_NAD, strict=True)
        ]
        return mean_over_labelled(torch.stack(differences_NNA).mean(1), share_NA)

    def _against(self, cells: Pair, memory_KD: Tensor, share_M: Tensor) -> Tensor:
        """L_pixel or L_region: all cells of the batch against what was drawn from a memory."""
        student_MD, teacher_MD = cells
        return mean_over_labelled(self._differences((student_MD @ memory_KD.T, teacher_MD @ memory_KD.T)), share_M)

    def _differences(self, cosines: Pair, excluded: Tensor | None = None) -> Tensor:
        """KL(teacher || student) of the distributions along the last dimension, without what is excluded."""
        scores = [each / self.temperature for each in cosines]
        if excluded is not None:  # a finite score, because infinities would cancel to NaN
            lowest = torch.finfo(scores[0].dtype).min / 4
            scores = [each.masked_fill(excluded, lowest) for each in scores]
        student, teacher = (each.flatten(0, -2) for each in scores)
        return pixel_kl(student, teacher, temperature=1.0).view(cosines[0].shape[:-1])

    @torch.no_grad()
    def _remember(self, teacher_NDhw: Tensor, labels_NHW: Tensor) -> None:
        """Store some cells and the mean of each class of each image, from the teacher's features at length 1."""
        images, _, height, width = teacher_NDhw.shape
        labels_Nhw = labels_at(labels_NHW, (height, width), self.num_classes, self.ignore_index)
        bins = self.num_classes + 1
        group_M = (labels_Nhw + bins * torch.arange(images, device=labels_Nhw.device)[:, None, None]).flatten()
        order_M = torch.randperm(len(group_M), device=group_M.device)
        rank_M, _ = rank_within(group_M[order_M], images * bins)
        chosen = order_M[rank_M < self.pixels_per_class]
        chosen = chosen[labels_Nhw.flatten()[chosen] < self.num_classes]
        self.pixels.store(as_rows(teacher_NDhw)[chosen], labels_Nhw.flatten()[chosen])
        means_NKD, sizes_NK = class_means(teacher_NDhw, labels_Nhw, self.num_classes)
        image, label = sizes_NK[:, : self.num_classes].nonzero(as_tuple=True)
        self.regions.store(unit(means_NKD[image, label], dim=1), label)


def pool(maps_NDhw: Tensor) -> Tensor:
    """Means over squares of 2 x 2 cells, cut at the frame: (N, D, squares)."""
    return F.avg_pool2d(maps_NDhw, 2, ceil_mode=True).flatten(2)
