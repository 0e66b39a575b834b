"""The mean feature of each class of each image."""

from __future__ import annotations

import torch
from torch import Tensor


def class_means(features_NDhw: Tensor, labels_Nhw: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """The mean feature over the cells of each class, void's behind the others, and how many cells it has.

    Returns (N, C + 1, D), 0 for an absent class, and (N, C + 1) int64.
    labels_Nhw: int64 in 0...C, void as C (see :func:`bpkd_core.methods.labelled.labels_at`).
    """
    images, channels = features_NDhw.shape[:2]
    bins = num_classes + 1
    rows_M = (labels_Nhw + bins * torch.arange(images, device=labels_Nhw.device)[:, None, None]).flatten()
    sums_RD = features_NDhw.new_zeros(images * bins, channels).index_add(0, rows_M, as_rows(features_NDhw))
    sizes_R = rows_M.bincount(minlength=images * bins)
    means_RD = sums_RD / sizes_R.clamp(min=1)[:, None]
    return means_RD.unflatten(0, (images, bins)), sizes_R.unflatten(0, (images, bins))


def mean_of_own_class(means_NKD: Tensor, labels_Nhw: Tensor) -> Tensor:
    """For each cell the mean of its class: (N, D, h, w)."""
    images_N11 = torch.arange(len(means_NKD), device=means_NKD.device)[:, None, None]
    return means_NKD[images_N11, labels_Nhw].permute(0, 3, 1, 2)


def as_rows(maps_NDhw: Tensor) -> Tensor:
    """One row a cell, images one after the other: (N * h * w, D)."""
    return maps_NDhw.permute(0, 2, 3, 1).flatten(0, 2)
