"""Quick mIoU of a torch network while it trains. The numbers of a report come from the exported file instead."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data import IGNORE_INDEX, Sample, SegmentationDataset
from bpkd_core.data.transforms import as_tensors, normalise
from bpkd_core.infer.windows import window_boxes
from bpkd_core.models.base import SegmentationNet
from bpkd_core.spec import Evaluation
from bpkd_core.train.precision import autocast

WHOLE = Evaluation()


class Watcher(Protocol):
    """Whoever wants to see the masks that are judged while a network trains."""

    def look(self, index: int, sample: Sample, mask_HW: Tensor) -> None:
        """Take the mask of one image of the split."""
        ...

    def tell(self, step: int) -> None:
        """Every image was seen, after so many steps."""
        ...


@torch.inference_mode()
def measure_miou(
    net: SegmentationNet,
    data: SegmentationDataset,
    *,
    device: torch.device,
    precision: str,
    evaluation: Evaluation = WHOLE,
    watcher: Watcher | None = None,
) -> float:
    """Mean over the classes present of intersection over union, images one by one; leaves `net` in train mode."""
    net.eval()
    confusion = torch.zeros(net.num_classes, net.num_classes, dtype=torch.int64)
    for index in range(len(data)):
        sample = data[index]
        image, labels_HW = as_tensors(sample)
        with autocast(precision, device):
            mask_HW = predict_mask(net, image[None].to(device), evaluation)[0].cpu()
        if watcher:
            watcher.look(index, sample, mask_HW)
        valid = labels_HW != IGNORE_INDEX
        pairs = labels_HW[valid].long() * net.num_classes + mask_HW[valid]
        confusion += torch.bincount(pairs, minlength=net.num_classes**2).view_as(confusion)
    net.train()
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return float((hits[union > 0] / union[union > 0]).mean())


def predict_mask(net: SegmentationNet, images_N3HW: Tensor, evaluation: Evaluation = WHOLE) -> Tensor:
    """Class ids (N, H, W) of uint8 images, whole or in windows whose scores are added up."""
    if evaluation.window is None or evaluation.stride is None:
        return score_pixels(net, images_N3HW).argmax(1)
    size = images_N3HW.shape[-2:]
    totals = torch.zeros(len(images_N3HW), net.num_classes, *size, device=images_N3HW.device)
    for top, left, bottom, right in window_boxes((size[0], size[1]), evaluation.window, evaluation.stride):
        totals[..., top:bottom, left:right] += score_pixels(net, images_N3HW[..., top:bottom, left:right])
    return totals.argmax(1)


def score_pixels(net: SegmentationNet, images_N3HW: Tensor) -> Tensor:
    """Raw scores (N, C, H, W) of uint8 images: pad to the stride, score, upsample by the stride, crop.

    The same steps, in the same order, that the exported graph takes; that one also fills images up to 32 pixels a side.
    """
    height, width = images_N3HW.shape[-2:]
    pad = (0, -width % net.stride, 0, -height % net.stride)
    inputs = F.pad(normalise(images_N3HW), pad).contiguous(memory_format=torch.channels_last)
    logits = net(inputs).float()
    scores = F.interpolate(logits, scale_factor=net.stride, mode="bilinear", align_corners=False)
    return scores[:, :, :height, :width]
