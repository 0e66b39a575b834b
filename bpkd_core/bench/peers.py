"""Edge masks by the libraries that people have: dilate and erode each class, subtract, and average.

None of them is needed, and what is not installed is named. Void is left out: no library knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bpkd_core.bench.drawn import blobs
from bpkd_core.bench.race import race
from bpkd_core.boundary import edge_masks

WIDTH = 7


def measure_peers(num_classes: int, size_hw: tuple[int, int], device: torch.device) -> Iterator[dict[str, Any]]:
    """A row a library: milliseconds, how many times ours, and whether the masks are the same."""
    labels = blobs(num_classes).to(device)
    ours = partial(edge_masks, labels, num_classes, width_px=WIDTH, size_hw=size_hw)
    for name, (module, gradients) in PEERS.items():
        if find_spec(module) is None:
            yield {"peer": name, "installed": False}
            continue
        theirs = partial(averaged, gradients, labels, num_classes, size_hw)
        taken = race({"ours": ours, "theirs": theirs}, device, rounds=5, seconds=5)
        yield {
            "peer": name,
            "installed": True,
            "classes": num_classes,
            **{f"{side}_ms": 1e3 * seconds for side, seconds in taken.items()},
            "times_ours": taken["theirs"] / taken["ours"],
            "identical": torch.equal(ours(), theirs()),
        }


def averaged(
    gradients: Callable[[Tensor], Tensor], labels_NHW: Tensor, num_classes: int, size_hw: tuple[int, int]
) -> Tensor:
    """The masks (N, C, h, w) of a library that dilates and erodes (N, C, H, W) uint8 of 0 and 1."""
    onehot = labels_NHW[:, None] == torch.arange(num_classes, device=labels_NHW.device)[:, None, None]
    return F.adaptive_avg_pool2d(gradients(onehot.to(torch.uint8)).float(), size_hw)


def by_kornia(onehot_NCHW: Tensor) -> Tensor:
    """kornia.morphology, the only one of them that runs on a GPU."""
    from kornia.morphology import gradient  # pyright: ignore[reportMissingImports]

    return gradient(onehot_NCHW.float(), torch.ones(WIDTH, WIDTH, device=onehot_NCHW.device))


def by_opencv(onehot_NCHW: Tensor) -> Tensor:
    """cv2.morphologyEx."""
    import cv2  # pyright: ignore[reportMissingImports]

    square = np.ones((WIDTH, WIDTH), np.uint8)
    return one_by_one(onehot_NCHW, lambda mask: cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, square))


def by_scipy(onehot_NCHW: Tensor) -> Tensor:
    """scipy.ndimage, with the windows cut off at the frame."""
    from scipy.ndimage import maximum_filter, minimum_filter  # pyright: ignore[reportMissingImports]

    return one_by_one(
        onehot_NCHW,
        lambda mask: maximum_filter(mask, WIDTH, mode="nearest") - minimum_filter(mask, WIDTH, mode="nearest"),
    )


def by_skimage(onehot_NCHW: Tensor) -> Tensor:
    """skimage.morphology."""
    from skimage.morphology import dilation, erosion  # pyright: ignore[reportMissingImports]

    square = np.ones((WIDTH, WIDTH), np.uint8)
    return one_by_one(onehot_NCHW, lambda mask: dilation(mask, square) - erosion(mask, square))


def one_by_one(onehot_NCHW: Tensor, gradient: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Tensor:
    """A function of one (H, W) mask on each class of each image, on the CPU and back."""
    masks = onehot_NCHW.cpu().numpy().reshape(-1, *onehot_NCHW.shape[2:])
    found = np.stack([gradient(mask) for mask in masks])
    return torch.from_numpy(found).view_as(onehot_NCHW).to(onehot_NCHW.device)


PEERS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "kornia": ("kornia", by_kornia),
    "opencv": ("cv2", by_opencv),
    "scipy": ("scipy", by_scipy),
    "scikit-image": ("skimage", by_skimage),
}
