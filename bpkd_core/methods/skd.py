"""Structured knowledge distillation (Liu et al., arXiv 1903.04197): pixels one by one, and all pairs of regions.

The marks are those of bpkd.py. The paper's third term, an adversarial one, is left out: docs/adr says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from bpkd_core.errors import InvalidInput
from bpkd_core.methods.base import Losses, Pair, check_weights
from bpkd_core.methods.features import FeatureMethod, unit
from bpkd_core.methods.kd import pixel_loss
from bpkd_core.methods.labelled import labelled_share, mean_over_labelled


@dataclass(kw_only=True, eq=False)
class StructuredKD(FeatureMethod):
    """`lambda_pixel * L_pixel + lambda_pair * L_pair`.

    L_pixel: KL(teacher || student) of the class probabilities, T = 1, as the mean over pixels (C).
    L_pair: a_ij is the cosine of the features of two nodes; the mean over all pairs of (a_ij^S - a_ij^T)^2 (C).
    lambda_pixel, lambda_pair: 10 and 10, the paper's one weight for both (C; the authors' code has 10 and 1).
    node_cells: side of the square of feature cells whose mean makes a node. Nodes are means as in the paper's text, of
        2 x 2 cells (A); the authors' code takes maxima over the four quarters of the map. Time and memory grow with
        (h w / node_cells^2)^2.

    Void (D): a cell counts by its share of labelled pixels, in its node and by its node.
    """

    lambda_pixel: float = 10.0
    lambda_pair: float = 10.0
    node_cells: int = 2

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        super().__post_init__()
        check_weights(lambda_pixel=self.lambda_pixel, lambda_pair=self.lambda_pair)
        if self.node_cells < 1:
            raise InvalidInput(f"node_cells is {self.node_cells}; it must be at least 1.", param="node_cells")

    def compare(self, logits: Pair, features: Pair, labels_NHW: Tensor) -> Losses:
        """The terms are `pixel` and `pair`."""
        return Losses.weigh(
            {"pixel": self.lambda_pixel, "pair": self.lambda_pair},
            {
                "pixel": lambda: pixel_loss(logits, labels_NHW, self.ignore_index, temperature=1.0),
                "pair": lambda: self._pairs(features, labels_NHW),
            },
        )

    def _pairs(self, features: Pair, labels_NHW: Tensor) -> Tensor:
        """L_pair over the nodes of each image."""
        share_N1hw = labelled_share(labels_NHW, features[0], self.ignore_index)[:, None]
        student_NII, teacher_NII = (affinities(self._nodes(maps_NDhw * share_N1hw)) for maps_NDhw in features)
        weights_NI = self._nodes(share_N1hw)[:, 0]
        weights_NII = weights_NI[:, :, None] * weights_NI[:, None]
        return mean_over_labelled((student_NII - teacher_NII) ** 2, weights_NII)

    def _nodes(self, maps_NDhw: Tensor) -> Tensor:
        """Means over squares of cells, cut at the frame: (N, D, nodes)."""
        return F.avg_pool2d(maps_NDhw, self.node_cells, ceil_mode=True).flatten(2)


def affinities(nodes_NDI: Tensor) -> Tensor:
    """The cosine between any two nodes of an image: (N, I, I)."""
    nodes_NDI = unit(nodes_NDI, dim=1)
    return nodes_NDI.mT @ nodes_NDI
