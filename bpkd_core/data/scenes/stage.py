"""Where a scene is drawn: a camera that looks along the street, a canvas for colour, label and distance, the light.

World coordinates are metres: x to the right of the road's middle, y up from the ground, z ahead of the camera.
Everything is drawn at SUPERSAMPLE times the final size; colours are averaged at the end, labels vote.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from bpkd_core.data.base import UInt8Array
from bpkd_core.data.scenes.palette import SKY, Colour

SUPERSAMPLE = 2
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole at (x_m, height_m, 0). `bend` curves the street: x grows by bend * z^2."""

    focal_px: float
    centre_x: float
    horizon_y: float
    x_m: float
    height_m: float
    bend: float

    def at(self, x: float, y: float, z: float) -> Point:
        """The pixel where a point of the world is seen; z must be positive."""
        across = (x - self.x_m) / z + self.bend * z
        return self.centre_x + self.focal_px * across, self.horizon_y + self.focal_px * (self.height_m - y) / z

    def size(self, metres: float, z: float) -> float:
        """Pixels that a length at distance z covers."""
        return self.focal_px * metres / z


@dataclass(frozen=True, slots=True)
class Light:
    """The weather: side the sun is on (-1 left, 1 right), its strength (0 overcast .. 1), and how far one can see."""

    side: int
    strength: float
    visibility_m: float
    haze: Colour


@dataclass(slots=True)
class Canvas:
    """Three pictures of one size that are drawn together: colour (RGB), label (ids) and haze (0 near .. 255 far)."""

    width: int
    height: int
    visibility_m: float
    colour: Image.Image = field(init=False)
    label: Image.Image = field(init=False)
    haze: Image.Image = field(init=False)
    _brushes: tuple[ImageDraw.ImageDraw, ImageDraw.ImageDraw, ImageDraw.ImageDraw] = field(init=False)

    def __post_init__(self) -> None:
        size = (self.width, self.height)
        self.colour = Image.new("RGB", size)
        self.label = Image.new("L", size, SKY)
        self.haze = Image.new("L", size, 0)
        self._brushes = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.label), ImageDraw.Draw(self.haze)

    def haze_at(self, z: float) -> int:
        """How much of the haze lies before distance z, 0 .. 255."""
        return int(255 * (1.0 - math.exp(-z / self.visibility_m)))

    def polygon(self, points: Sequence[Point], colour: Colour, label: int, z: float) -> None:
        """Fill a shape that belongs to a class."""
        paint, mark, fog = self._brushes
        paint.polygon(points, fill=colour)
        mark.polygon(points, fill=label)
        fog.polygon(points, fill=self.haze_at(z))

    def ellipse(self, box: tuple[float, float, float, float], colour: Colour, label: int, z: float) -> None:
        """Fill an ellipse given by (left, top, right, bottom)."""
        paint, mark, fog = self._brushes
        paint.ellipse(box, fill=colour)
        mark.ellipse(box, fill=label)
        fog.ellipse(box, fill=self.haze_at(z))

    def ring(self, box: tuple[float, float, float, float], colour: Colour, label: int, z: float, width: int) -> None:
        """Draw the outline of an ellipse; what lies inside stays."""
        paint, mark, fog = self._brushes
        paint.ellipse(box, outline=colour, width=width)
        mark.ellipse(box, outline=label, width=width)
        fog.ellipse(box, outline=self.haze_at(z), width=width)

    def detail(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a shape without changing what it belongs to: a window, a lane mark."""
        self._brushes[0].polygon(points, fill=colour)

    def wire(self, points: Sequence[Point], colour: Colour) -> None:
        """A line that nobody labels."""
        self._brushes[0].line(points, fill=colour, width=1)

    def stamp(
        self, picture: UInt8Array, mask: UInt8Array, box: tuple[int, int, int, int], label: int, z: float
    ) -> None:
        """Paste a ragged shape, picture (h, w, 3) where mask (h, w) is 255, stretched to (left, top, right, bottom)."""
        size = box[2] - box[0], box[3] - box[1]
        stencil = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
        self.colour.paste(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR), box[:2], stencil)
        self.label.paste(label, box, stencil)
        self.haze.paste(self.haze_at(z), box, stencil)


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a thing needs to be drawn."""

    canvas: Canvas
    camera: Camera
    light: Light
    rng: Generator

    def quad(self, corners: Sequence[tuple[float, float, float]]) -> list[Point]:
        """Project the corners of a face."""
        return [self.camera.at(*corner) for corner in corners]

    def sees(self, points: Sequence[Point]) -> bool:
        """Whether the shape's bounding box meets the picture."""
        xs, ys = zip(*points, strict=True)
        return max(xs) > 0 and min(xs) < self.canvas.width and max(ys) > 0 and min(ys) < self.canvas.height


def smooth_noise(rng: Generator, height: int, width: int, cell: int) -> np.ndarray:
    """Random hills of about `cell` pixels, float32 (height, width), mean 0, deviation near 1."""
    rows, columns = max(2, height // cell + 2), max(2, width // cell + 2)
    seeds = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    return np.asarray(seeds.resize((width, height), Image.Resampling.BILINEAR))
