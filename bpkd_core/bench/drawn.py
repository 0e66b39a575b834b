"""Labels to measure on: drawn streets, and regions without any order, which have three times the edges."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.boundary import edge_bands
from bpkd_core.data.scenes import draw_scene

BATCH, SIDE = 4, 512
REGIONS = 8  # along a side


def scenes(num_classes: int) -> Tensor:
    """(4, 512, 512) uint8 with void: street scenes, the eleven classes of each spread over all there are."""
    labels = torch.stack([torch.from_numpy(draw_scene(seed, SIDE, SIDE).labels_HW) for seed in range(BATCH)])
    spread = (labels.int() * 13 + 7 * torch.arange(BATCH)[:, None, None]) % num_classes  # 13: no divisor of 19 or 150
    return torch.where(labels == 255, 255, spread).to(torch.uint8)


def blobs(num_classes: int) -> Tensor:
    """(4, 512, 512) uint8: the largest of `num_classes` smooth random fields at each pixel."""
    generator = torch.Generator().manual_seed(0)
    fields = torch.randn(BATCH, num_classes, REGIONS, REGIONS, generator=generator)
    images = [F.interpolate(field[None], (SIDE, SIDE), mode="bicubic").argmax(1) for field in fields]
    return torch.cat(images).to(torch.uint8)


LABELS: dict[str, Callable[[int], Tensor]] = {"scenes": scenes, "blobs": blobs}


def edge_share(labels_NHW: Tensor, num_classes: int) -> float:
    """The part of the pixels that is on an edge."""
    bands = edge_bands(labels_NHW, num_classes)
    return len(bands.pixel_E.unique()) / bands.num_pixels
