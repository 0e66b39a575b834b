"""What lies flat or far: sky, the end of the street, road, pavement, marks and the shadows on them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bpkd_core.data.scenes.palette import (
    AUTUMN,
    BRICKS,
    BUILDING,
    GREENS,
    GREYS,
    PAVEMENT,
    ROAD,
    VEGETATION,
    Colour,
    clip,
    mix,
    pick,
    shade,
)
from bpkd_core.data.scenes.stage import Point, Stage, smooth_noise

NEAR_M, FAR_M = 2.2, 160.0
DEPTHS = tuple(np.geomspace(NEAR_M, FAR_M, 14).tolist())


def draw_sky(stage: Stage, zenith: Colour, low: Colour) -> None:
    """A gradient with clouds, down to just below the horizon; the haze keeps off it."""
    canvas = stage.canvas
    height = min(canvas.height, int(stage.camera.horizon_y) + 8)
    rows = np.linspace(0.0, 1.0, height // 4, dtype=np.float32)[:, None, None]
    sky = np.array(zenith, np.float32) * (1 - rows) + np.array(low, np.float32) * rows
    clouds = smooth_noise(stage.rng, height // 4, canvas.width // 4, 24)
    sky = sky + (clouds * stage.rng.uniform(2, 16))[..., None]
    picture = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    canvas.colour.paste(picture.resize((canvas.width, height), Image.Resampling.BILINEAR))


def draw_skyline(stage: Stage) -> None:
    """Roofs and tree tops where the street ends."""
    rng, camera, canvas = stage.rng, stage.camera, stage.canvas
    left = 0.0
    while left < canvas.width:
        width = rng.uniform(0.03, 0.14) * canvas.width
        top = camera.horizon_y - rng.uniform(0.0, 0.12) * canvas.height
        z = rng.uniform(90, 200)
        if rng.random() < 0.55:
            box = [(left, top), (left + width, top), (left + width, camera.horizon_y + 9), (left, camera.horizon_y + 9)]
            canvas.polygon(box, pick(rng, GREYS, BRICKS), BUILDING, z)
        else:
            bumps = [
                (
                    left + width * step / 12,
                    top + rng.normal(0, 0.012) * canvas.height - 9 * math.sin(step / 12 * math.pi),
                )
                for step in range(13)
            ]
            foot = [(left + width, camera.horizon_y + 9), (left, camera.horizon_y + 9)]
            canvas.polygon(bumps + foot, pick(rng, GREENS, GREENS, AUTUMN), VEGETATION, z)
        left += width * rng.uniform(0.5, 1.0)


def strip(stage: Stage, left: float, right: float, near: float = NEAR_M, far: float = FAR_M) -> list[Point]:
    """A ribbon on the ground between two lines along the street."""
    depths = [near, *(z for z in DEPTHS if near < z < far), far]
    at = stage.camera.at
    return [at(left, 0, z) for z in depths] + [at(right, 0, z) for z in reversed(depths)]


def draw_ground(stage: Stage, half_width: float, colours: tuple[Colour, Colour, Colour]) -> None:
    """Verge, pavement and road of the given colours, with haze that grows towards the horizon."""
    verge, pavement, road = colours
    canvas, camera = stage.canvas, stage.camera
    verge_class = VEGETATION if stage.rng.random() < 0.3 else PAVEMENT
    floor = [(0.0, camera.horizon_y + 1), (canvas.width, camera.horizon_y + 1), (canvas.width, canvas.height)]
    canvas.polygon([*floor, (0.0, canvas.height)], verge if verge_class == VEGETATION else pavement, verge_class, 60)
    walk = half_width + stage.rng.uniform(1.6, 4.5)
    canvas.polygon(strip(stage, -walk, walk), pavement, PAVEMENT, 60)
    for side in (-1, 1):
        canvas.detail(strip(stage, side * half_width, side * (half_width + 0.25)), shade(pavement, 1.15))
    canvas.polygon(strip(stage, -half_width, half_width), road, ROAD, 60)
    top = int(camera.horizon_y) + 2
    fall = camera.focal_px * camera.height_m / np.arange(1, canvas.height - top + 1)
    haze = (255 * (1 - np.exp(-fall / canvas.visibility_m))).astype(np.uint8)
    canvas.haze.paste(Image.fromarray(haze[:, None].repeat(canvas.width, 1)), (0, top))


def draw_marks(stage: Stage, half_width: float, road: Colour) -> None:
    """Dashes, edge lines, a crossing, tar patches, slabs: paint that changes no class."""
    rng, canvas = stage.rng, stage.canvas
    paint = mix(road, (232, 230, 220), rng.uniform(0.35, 0.9))
    for _ in range(int(rng.integers(2, 7))):
        x, z = rng.uniform(-half_width, half_width), rng.uniform(3, 30)
        patch = strip(stage, x, min(half_width, x + rng.uniform(0.3, 2)), z, z + rng.uniform(0.5, 6))
        canvas.detail(patch, shade(road, rng.uniform(0.75, 1.2)))
    for z in np.arange(rng.uniform(2.3, 6), 70, rng.uniform(5, 9)):
        canvas.detail(strip(stage, -0.08, 0.08, z, z + 2.5), paint)
    if rng.random() < 0.5:
        for side in (-1, 1):
            canvas.detail(strip(stage, side * (half_width - 0.5), side * (half_width - 0.38)), paint)
    if rng.random() < 0.3:
        z = rng.uniform(6, 18)
        for x in np.arange(-half_width + 0.4, half_width - 0.5, 1.0):
            canvas.detail(strip(stage, x, x + 0.5, z, z + 2.6), paint)
    if rng.random() < 0.6:
        joint = shade(road, rng.uniform(0.8, 1.1))
        for z in np.arange(NEAR_M, 16, rng.uniform(0.8, 1.6)):
            for side in (-1, 1):
                ends = [
                    stage.camera.at(side * (half_width + 0.3), 0, z),
                    stage.camera.at(side * (half_width + 3), 0, z),
                ]
                canvas.wire(ends, joint)


def cast_shadows(stage: Stage, shapes: list[list[Point]]) -> None:
    """Darken the ground inside the shapes; soft at the border, absent under an overcast sky."""
    canvas, light = stage.canvas, stage.light
    half = Image.new("L", (canvas.width // 2, canvas.height // 2), 0)
    brush = ImageDraw.Draw(half)
    for shape in shapes:
        brush.polygon([(x / 2, y / 2) for x, y in shape], fill=int(150 * light.strength))
    mask = half.filter(ImageFilter.BoxBlur(1)).resize(canvas.colour.size, Image.Resampling.BILINEAR)
    canvas.colour.paste(clip(18, 20, 30), (0, 0), mask)


def sky_colours(rng: np.random.Generator, strength: float) -> tuple[Colour, Colour]:
    """Zenith and horizon: blue under a strong sun, grey or nearly white without."""
    blue = mix((92, 138, 196), (150, 176, 214), rng.random())
    grey = pick(rng, GREYS[3:], ((222, 224, 228),), spread=6)
    zenith = mix(grey, blue, strength)
    return zenith, mix(zenith, (236, 234, 228), rng.uniform(0.2, 0.7))
