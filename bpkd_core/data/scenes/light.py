"""From the drawn canvas to a photograph: texture, haze, exposure, blur and the noise of a sensor."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ImageFilter

from bpkd_core.data.base import UInt8Array
from bpkd_core.data.scenes.stage import SUPERSAMPLE, Canvas, Light, smooth_noise

FloatArray = NDArray[np.float32]

# contrast of the surface by class (void has none), for hills of 16, 5 and 2 pixels
ROUGHNESS = {
    16: (0.00, 0.06, 0.06, 0.05, 0.08, 0.04, 0.03, 0.04, 0.05, 0.05, 0.05),
    5: (0.00, 0.04, 0.03, 0.04, 0.12, 0.03, 0.03, 0.04, 0.03, 0.05, 0.05),
    2: (0.01, 0.05, 0.05, 0.06, 0.13, 0.04, 0.03, 0.05, 0.02, 0.04, 0.04),
}


def vote(labels: UInt8Array) -> UInt8Array:
    """Labels of 2x2 blocks by majority; a tie goes to the upper left, so that a line two wide keeps one pixel."""
    a, b, c, d = labels[::2, ::2], labels[::2, 1::2], labels[1::2, ::2], labels[1::2, 1::2]
    first = (a == b) | (a == c) | (a == d)
    return np.where(first, a, np.where((b == c) | (b == d), b, np.where(c == d, c, a)))


def develop(canvas: Canvas, light: Light, rng: Generator) -> tuple[UInt8Array, UInt8Array]:
    """Return (image_HW3, labels_HW) at the final size."""
    labels = vote(np.asarray(canvas.label))
    focus = ImageFilter.BoxBlur(rng.uniform(0.0, 0.45))  # a lens that is not quite sharp
    image = np.asarray(canvas.colour.reduce(SUPERSAMPLE).filter(focus), dtype=np.float32)
    haze = np.asarray(canvas.haze.reduce(SUPERSAMPLE), dtype=np.float32)[..., None] / 255
    image *= _texture(labels, rng)[..., None]
    image += (np.array(light.haze, np.float32) - image) * haze
    image *= _exposure(canvas.height // SUPERSAMPLE, canvas.width // SUPERSAMPLE, rng)[..., None]
    image *= rng.normal(1, 0.04, 3).astype(np.float32)  # white balance
    grain = np.sqrt(np.maximum(image, 0))
    grain *= rng.uniform(0.05, 0.3)
    grain += rng.uniform(0.8, 3.5)
    grain *= rng.standard_normal(image.shape, dtype=np.float32)
    image += grain
    return np.clip(image, 0, 255, out=image).astype(np.uint8), labels


def _texture(labels: UInt8Array, rng: Generator) -> FloatArray:
    """A factor for each pixel: noise at three scales, as strong as its class is rough."""
    height, width = labels.shape
    factor = np.ones((height, width), np.float32)
    for cell, contrasts in ROUGHNESS.items():
        table = np.zeros(256, np.float32)
        table[: len(contrasts)] = contrasts
        factor += table[labels] * smooth_noise(rng, height, width, cell)
    return np.maximum(factor, 0.2)


def _exposure(height: int, width: int, rng: Generator) -> FloatArray:
    """A factor for each pixel: gain, a slant of light across the picture, darker corners."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    slant = 1 + rng.uniform(-0.15, 0.15) * x + rng.uniform(-0.1, 0.1) * y
    corners = 1 - rng.uniform(0, 0.11) * (x * x + y * y)
    return (rng.uniform(0.7, 1.15) * slant * corners).astype(np.float32)
