"""Colours for class ids: masks as pictures."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
GOLDEN_RATIO = 0.618034  # steps of it around the hue circle never come close to each other
SHADES = ((0.85, 0.95), (0.55, 0.85), (0.95, 0.65))  # saturation and value, in turn


def default_palette(n: int) -> list[Colour]:
    """N distinct RGB colours; the first k of them are those of any smaller n."""
    return [_colour(index) for index in range(n)]


def colour_table(palette: Sequence[Colour], size: int) -> NDArray[np.uint8]:
    """The palette as an array (size, 3); ids without a colour, such as 255 for "no label", are black."""
    table = np.zeros((size, 3), np.uint8)
    table[: len(palette)] = np.asarray(palette, np.uint8).reshape(-1, 3)[:size]
    return table


def colourise(mask_HW: NDArray[Any], palette: Sequence[Colour]) -> NDArray[np.uint8]:
    """Class ids, uint8 or uint16 (H, W), to RGB (H, W, 3)."""
    return colour_table(palette, np.iinfo(mask_HW.dtype).max + 1)[mask_HW]


def overlay(
    image_HW3: NDArray[np.uint8], mask_HW: NDArray[Any], palette: Sequence[Colour], alpha: float = 0.5
) -> NDArray[np.uint8]:
    """The image under the colours of its mask. alpha: the weight of the colours, 0 to 1."""
    weight = round(alpha * 256)
    mixed = image_HW3.astype(np.uint16) * (256 - weight) + colourise(mask_HW, palette).astype(np.uint16) * weight
    return (mixed >> 8).astype(np.uint8)


def _colour(index: int) -> Colour:
    saturation, value = SHADES[index % len(SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN_RATIO % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
