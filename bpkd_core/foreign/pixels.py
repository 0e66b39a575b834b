"""From uint8 RGB images to what a foreign file sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bpkd_core.spec.foreign import Pixels

MULTIPLE = 32
"""Images for a file of free size are padded to this: what the deepest usual networks need."""

FixedHW = tuple[int | None, int | None]


def seen(hw: tuple[int, int], fixed_hw: FixedHW) -> tuple[int, int]:
    """The size at which a file sees images of `hw`: its own, or the next multiple of 32."""
    height, width = (own or -(-side // MULTIPLE) * MULTIPLE for side, own in zip(hw, fixed_hw, strict=True))
    return height, width


def covered(hw: tuple[int, int], fixed_hw: FixedHW) -> tuple[int, int]:
    """What the file's answer covers, in pixels of an image of `hw`: the image, or more where it was padded."""
    return seen(hw, fixed_hw) if fixed_hw == (None, None) else hw


def fit(images_NHW3: NDArray[np.uint8], fixed_hw: FixedHW) -> NDArray[np.uint8]:
    """Images resized (bilinear) to the size that a file insists on; for any other file padded by their last pixels."""
    hw = images_NHW3.shape[1], images_NHW3.shape[2]
    height, width = seen(hw, fixed_hw)
    if hw == (height, width):
        return images_NHW3
    if fixed_hw == (None, None):
        return np.pad(images_NHW3, ((0, 0), (0, height - hw[0]), (0, width - hw[1]), (0, 0)), mode="edge")
    resized = [Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR) for image in images_NHW3]
    return np.stack([np.asarray(image) for image in resized])


def prepare(images_NHW3: NDArray[np.uint8], pixels: Pixels, dtype: type[Any]) -> NDArray[Any]:
    """uint8 RGB (N, H, W, 3) to the layout, the channel order and the scale that a file expects."""
    values: NDArray[Any] = images_NHW3
    if dtype is not np.uint8:
        mean, std = np.array(pixels.mean, np.float32), np.array(pixels.std, np.float32)
        values = ((images_NHW3 / np.float32(pixels.scale) - mean) / std).astype(dtype)
    if pixels.color == "bgr":
        values = values[..., ::-1]
    return values.transpose(0, 3, 1, 2) if pixels.layout == "nchw" else values
