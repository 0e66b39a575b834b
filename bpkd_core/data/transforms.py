"""The training augmentation of MMSegmentation's recipes, as a pure function of a sample and a seed.

Random scale, random crop that no class fills, horizontal flip, photometric distortion, padding: the authors' configs
(C in docs/why.md). Nothing here reads or moves a global random state, so a batch is the same in whichever process it is
made and after whichever restart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data.base import IGNORE_INDEX, Sample, UInt8Array
from bpkd_core.errors import InvalidInput

MEAN = (123.675, 116.28, 103.53)  # ImageNet, RGB, on the 0 .. 255 scale
STD = (58.395, 57.12, 57.375)
PAD_COLOUR = (124, 116, 104)  # the mean: close to 0 once normalised

CROP_ATTEMPTS = 10  # as MMSegmentation: then the last box is taken as it is
SHARE_STRIDE = 4  # class shares are counted on every fourth row and column: 16 times faster, the same decision
LUMA = np.array([0.299, 0.587, 0.114])
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def normalise(images_N3HW: Tensor) -> Tensor:
    """uint8 RGB -> float32 with ImageNet's mean and deviation; keeps device and memory format."""
    mean = torch.tensor(MEAN, device=images_N3HW.device).view(3, 1, 1)
    std = torch.tensor(STD, device=images_N3HW.device).view(3, 1, 1)
    return (images_N3HW.float() - mean) / std


def as_tensors(sample: Sample) -> tuple[Tensor, Tensor]:
    """The whole sample as (image_3HW uint8, labels_HW uint8), unchanged: what evaluation feeds."""
    return torch.tensor(sample.image_HW3).permute(2, 0, 1), torch.tensor(sample.labels_HW)


@dataclass(frozen=True)
class TrainTransform:
    """`transform(sample, seed) -> (image_3HW uint8, labels_HW uint8)`, both of size crop_hw.

    resize: the (long, short) side that an image is first fitted into, its shape kept, as MMSegmentation does it; None
    takes it at its own size. scale: the range of the random resize, uniform. cat_max_ratio: a box in which one class
    covers more than this share of the labelled pixels is drawn again. flip: probability. The photometric part shifts
    brightness by up to +-brightness grey levels, multiplies contrast and saturation by 1 +- contrast and
    1 +- saturation, and turns hue by up to +-hue_deg; each with probability 1/2, and all of it times photometric (0
    leaves colours alone).

    The box is cut first and resized after (D): the same picture at a fraction of the cost. Where the box is larger than
    the image, the rest is padded at the right and the bottom: labels with 255, the image with ImageNet's mean.
    Raises InvalidInput for sizes, ranges or shares that cannot be.
    """

    crop_hw: tuple[int, int]
    resize: tuple[int, int] | None = None
    scale: tuple[float, float] = (0.5, 2.0)
    cat_max_ratio: float = 0.75
    flip: float = 0.5
    brightness: float = 32.0
    contrast: float = 0.5
    saturation: float = 0.5
    hue_deg: float = 18.0
    photometric: float = 1.0

    def __post_init__(self) -> None:
        if min(self.crop_hw) < 1:
            raise InvalidInput(f"crop is {self.crop_hw}; expected (height, width) in pixels.", param="train.crop")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InvalidInput(f"scale is {self.scale}; expected 0 < low <= high.", param="train.scale")

    def __call__(self, sample: Sample, seed: int) -> tuple[Tensor, Tensor]:
        """Augment one sample; the seed decides everything."""
        rng = np.random.default_rng(seed)
        scale = rng.uniform(*self.scale) * fitting_scale(sample.labels_HW.shape, self.resize)
        top, left, height, width = self._draw_box(sample.labels_HW, scale, rng)
        box = np.s_[top : top + height, left : left + width]
        size = self._size_after(height, scale, 0), self._size_after(width, scale, 1)
        image_3HW = _resize_image(sample.image_HW3[box], size)
        labels_HW = _resize_labels(sample.labels_HW[box], size)
        if rng.random() < self.flip:
            image_3HW, labels_HW = image_3HW.flip(-1), labels_HW.flip(-1)
        if self.photometric:
            image_3HW = self._distort(image_3HW, rng)
        return self._pad(image_3HW, labels_HW)

    def _draw_box(self, labels_HW: UInt8Array, scale: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
        """Rows and columns of the unscaled image that become the crop."""
        rows, columns = labels_HW.shape
        height = min(rows, max(1, round(self.crop_hw[0] / scale)))
        width = min(columns, max(1, round(self.crop_hw[1] / scale)))
        top = left = 0
        for _ in range(CROP_ATTEMPTS):
            top = int(rng.integers(rows - height + 1))
            left = int(rng.integers(columns - width + 1))
            if _largest_share(labels_HW[top : top + height, left : left + width]) <= self.cat_max_ratio:
                break
        return top, left, height, width

    def _size_after(self, length: int, scale: float, axis: int) -> int:
        """Pixels that `length` source pixels become; a box that was not cut short fills the crop exactly."""
        crop = self.crop_hw[axis]
        return crop if length == round(crop / scale) else min(crop, max(1, round(length * scale)))

    def _distort(self, image_3HW: Tensor, rng: np.random.Generator) -> Tensor:
        """All four distortions as one affine map of colours (D: hue turns in YIQ, and values are clipped once)."""
        matrix, offset = _colour_map(self, rng)
        planes = image_3HW.contiguous().float()
        mapped, term = torch.empty_like(planes), torch.empty_like(planes[0])
        # written out instead of a matrix product, whose rounding depends on the number of threads
        for out, weights, constant in zip(mapped, matrix, offset, strict=True):
            torch.mul(planes[0], weights[0], out=out).add_(constant)
            for plane, weight in zip(planes[1:], weights[1:], strict=True):
                out.add_(torch.mul(plane, weight, out=term))
        return mapped.round_().clamp_(0, 255).to(torch.uint8)

    def _pad(self, image_3HW: Tensor, labels_HW: Tensor) -> tuple[Tensor, Tensor]:
        height, width = labels_HW.shape
        if (height, width) == self.crop_hw:
            return image_3HW, labels_HW.contiguous()
        image = torch.tensor(PAD_COLOUR, dtype=torch.uint8).view(3, 1, 1).repeat(1, *self.crop_hw)
        labels = torch.full(self.crop_hw, IGNORE_INDEX, dtype=torch.uint8)
        image[:, :height, :width] = image_3HW
        labels[:height, :width] = labels_HW
        return image, labels


def fitting_scale(size_hw: tuple[int, ...], resize: tuple[int, int] | None) -> float:
    """The factor that fits an image into a (long, short) side; 1 for None."""
    if resize is None:
        return 1.0
    return min(max(resize) / max(size_hw), min(resize) / min(size_hw))


def _largest_share(labels_HW: UInt8Array) -> float:
    """Share of the commonest class among labelled pixels; 0 without any, 1 for a box of a single class."""
    counts = np.bincount(labels_HW[::SHARE_STRIDE, ::SHARE_STRIDE].ravel(), minlength=256)
    counts[IGNORE_INDEX] = 0
    return counts.max() / max(1, counts.sum())


def _resize_image(image_HW3: UInt8Array, size: tuple[int, int]) -> Tensor:
    batch = torch.from_numpy(image_HW3).permute(2, 0, 1)[None]
    return F.interpolate(batch, size=size, mode="bilinear", antialias=True)[0]


def _resize_labels(labels_HW: UInt8Array, size: tuple[int, int]) -> Tensor:
    """Nearest neighbour at pixel centres, on the grid of :func:`_resize_image`."""
    rows, columns = (
        ((np.arange(new) + 0.5) * (old / new)).astype(np.intp) for new, old in zip(size, labels_HW.shape, strict=True)
    )
    return torch.from_numpy(labels_HW[rows].take(columns, axis=1))


def _colour_map(ranges: TrainTransform, rng: np.random.Generator) -> tuple[list[list[float]], list[float]]:
    """Draw the photometric distortion: colour -> matrix @ colour + offset, RGB on 0 .. 255."""
    on = rng.random(4) < 0.5
    shift, contrast, saturation, hue = rng.uniform(-1.0, 1.0, 4) * on * ranges.photometric
    angle = math.radians(hue * ranges.hue_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.linalg.solve(RGB_TO_YIQ, np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ RGB_TO_YIQ)
    grey = np.tile(LUMA, (3, 1))
    colourful = 1.0 + saturation * ranges.saturation
    matrix = (1.0 + contrast * ranges.contrast) * (grey + colourful * (np.eye(3) - grey)) @ turn
    offset = matrix @ np.full(3, shift * ranges.brightness)
    return matrix.tolist(), offset.tolist()
