"""Masked generative distillation (Yang et al., ECCV 2022, arXiv 2205.01529): guess the teacher from half a student.

The marks are those of bpkd.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.base import Losses, Pair, check_weight
from bpkd_core.methods.features import FeatureMethod
from bpkd_core.methods.labelled import labelled_share


@dataclass(kw_only=True, eq=False)
class MaskedGenerativeKD(FeatureMethod):
    """`weight * |teacher's features - G(A(student's features) * M)|^2`, summed per image, mean over images (C).

    A: a 1x1 convolution to the teacher's channels, nothing where they are equal (C). M: 0 in a random share
        `mask_ratio` of the cells, 1 in the others, the same for all channels, drawn anew each step (C). G: two 3x3
        convolutions with a ReLU between (C).
    weight, mask_ratio: 2e-5 and 0.75, as the authors' segmentation configurations (C). The sum grows with cells and
        channels, and they tuned the weight for 512 to 2048 channels.

    The authors compare the last stage of the backbone, we compare what the classifier takes in, which every network
    here shows (D). A cell counts by its share of labelled pixels (D).
    """

    weight: float = 2e-5
    mask_ratio: float = 0.75

    def __post_init__(self) -> None:
        """Draw the initial weights of A and G. Raises InvalidInput for an option out of range."""
        super().__post_init__()
        check_weight(weight=self.weight)
        if not 0 <= self.mask_ratio < 1:
            raise InvalidInput(f"mask_ratio is {self.mask_ratio}; it must be from 0 to below 1.", param="mask_ratio")
        channels = self.teacher_channels
        same = self.student_channels == channels
        self.align = nn.Identity() if same else nn.Conv2d(self.student_channels, channels, 1)
        self.generate = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        """The term is `mgd`: the sum of squares, before the small weight."""
        del logits
        student_NDhw, teacher_NDhw = features
        visible_N1hw = self._draw_mask(student_NDhw)
        generated_NDhw = self.generate(self.align(student_NDhw) * visible_N1hw)
        errors_Nhw = ((teacher_NDhw - generated_NDhw) ** 2).sum(1)
        share_Nhw = labelled_share(labels_NHW, student_NDhw, self.ignore_index)
        mgd = (errors_Nhw * share_Nhw).sum() / len(labels_NHW)
        return Losses(total=self.weight * mgd, terms={"mgd": mgd}, weighted={"mgd": self.weight * mgd})

    def _draw_mask(self, maps_NDhw: Tensor) -> Tensor:
        """1 for the cells to be seen, from torch's generator, which the loop seeds with the step: (N, 1, h, w)."""
        images, _, height, width = maps_NDhw.shape
        return (torch.rand(images, 1, height, width, device=maps_NDhw.device) >= self.mask_ratio).to(maps_NDhw)
