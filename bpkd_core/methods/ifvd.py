"""Intra-class feature variation distillation (Wang et al., ECCV 2020): how far pixels stray from their class.

The marks are those of bpkd.py. The paper's adversarial term is left out, as in skd.py: docs/adr says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bpkd_core.methods.base import Losses, Pair, check_weights
from bpkd_core.methods.features import FeatureMethod, unit
from bpkd_core.methods.kd import pixel_loss
from bpkd_core.methods.labelled import labels_at, mean_over_labelled
from bpkd_core.methods.prototypes import class_means, mean_of_own_class


@dataclass(kw_only=True, eq=False)
class IntraClassVariationKD(FeatureMethod):
    """`lambda_pixel * L_pixel + lambda_variation * L_variation`.

    L_pixel: KL(teacher || student) of the class probabilities, T = 1 (C), as the mean over pixels (the authors' code
        divides by the classes too; the paper's formula does not).
    L_variation: m is the cosine of a cell's feature and the mean feature of its class in its image; the mean over
        labelled cells of (m^S - m^T)^2 (C; void left out: D).
    lambda_pixel, lambda_variation: 10 and 200 (C).
    """

    lambda_pixel: float = 10.0
    lambda_variation: float = 200.0

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        super().__post_init__()
        check_weights(lambda_pixel=self.lambda_pixel, lambda_variation=self.lambda_variation)

    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        """The terms are `pixel` and `variation`."""
        return Losses.weigh(
            {"pixel": self.lambda_pixel, "variation": self.lambda_variation},
            {
                "pixel": lambda: pixel_loss(logits, labels_NHW, self.ignore_index, temperature=1.0),
                "variation": lambda: self._variation(features, labels_NHW),
            },
        )

    def _variation(self, features: Pair, labels_NHW: Tensor) -> Tensor:
        height, width = features[0].shape[2:]
        labels_Nhw = labels_at(labels_NHW, (height, width), self.num_classes, self.ignore_index)
        labelled_Nhw = (labels_Nhw < self.num_classes).to(features[0].dtype)
        student_Nhw, teacher_Nhw = (nearness(maps_NDhw, labels_Nhw, self.num_classes) for maps_NDhw in features)
        return mean_over_labelled((student_Nhw - teacher_Nhw) ** 2, labelled_Nhw)


def nearness(features_NDhw: Tensor, labels_Nhw: Tensor, num_classes: int) -> Tensor:
    """The cosine of each cell's feature and its class's mean: (N, h, w)."""
    means_NKD, _ = class_means(features_NDhw, labels_Nhw, num_classes)
    own_NDhw = mean_of_own_class(means_NKD, labels_Nhw)
    return (unit(features_NDhw, dim=1) * unit(own_NDhw, dim=1)).sum(1)
