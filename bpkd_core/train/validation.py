"""Quick mIoU of a torch network while it trains. The numbers of a report come from the exported file instead."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data import IGNORE_INDEX, SegmentationDataset
from bpkd_core.data.transforms import as_tensors, normalise
from bpkd_core.models.base import SegmentationNet
from bpkd_core.train.precision import autocast


@torch.inference_mode()
def measure_miou(net: SegmentationNet, data: SegmentationDataset, *, device: torch.device, precision: str) -> float:
    """Mean over the classes present of intersection over union, whole images one by one; leaves `net` in train mode."""
    net.eval()
    confusion = torch.zeros(net.num_classes, net.num_classes, dtype=torch.int64)
    for index in range(len(data)):
        image, labels_HW = as_tensors(data[index])
        with autocast(precision, device):
            mask_HW = predict_mask(net, image[None].to(device))[0].cpu()
        valid = labels_HW != IGNORE_INDEX
        pairs = labels_HW[valid].long() * net.num_classes + mask_HW[valid]
        confusion += torch.bincount(pairs, minlength=net.num_classes**2).view_as(confusion)
    net.train()
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return float((hits[union > 0] / union[union > 0]).mean())


def predict_mask(net: SegmentationNet, images_N3HW: Tensor) -> Tensor:
    """Class ids (N, H, W) of whole uint8 images: pad to the stride, score, upsample by the stride, argmax, crop.

    The same steps, in the same order, that the exported graph takes; that one also fills images up to 32 pixels a side.
    """
    height, width = images_N3HW.shape[-2:]
    pad = (0, -width % net.stride, 0, -height % net.stride)
    inputs = F.pad(normalise(images_N3HW), pad).contiguous(memory_format=torch.channels_last)
    logits = net(inputs).float()
    scores = F.interpolate(logits, scale_factor=net.stride, mode="bilinear", align_corners=False)
    return scores.argmax(1)[:, :height, :width]
