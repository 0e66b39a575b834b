"""One street from a seed: what stands where, in which order it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator

from bpkd_core.data.base import UInt8Array
from bpkd_core.data.scenes.buildings import draw_house, plan_row
from bpkd_core.data.scenes.furniture import draw_bin, draw_fence, draw_lamp, draw_sign, draw_signals, plan_fence_style
from bpkd_core.data.scenes.ground import (
    cast_shadows,
    draw_ground,
    draw_marks,
    draw_sky,
    draw_skyline,
    sky_colours,
    strip,
)
from bpkd_core.data.scenes.light import develop
from bpkd_core.data.scenes.palette import BRICKS, GREENS, GREYS, VOID, pick
from bpkd_core.data.scenes.plants import draw_bush, draw_tree
from bpkd_core.data.scenes.stage import SUPERSAMPLE, Camera, Canvas, Light, Point, Stage
from bpkd_core.data.scenes.traffic import draw_bicyclist, draw_car, draw_pedestrian

Draw = Callable[[Stage, float, float], None]
Thing = tuple[float, Callable[[], None]]


def render(seed: int, height: int, width: int) -> tuple[UInt8Array, UInt8Array, int]:
    """Draw one street: (image_HW3, labels_HW, quality of the JPEG it is to be stored as)."""
    rng = np.random.default_rng(seed)
    stage, half_road = _set_stage(rng, height * SUPERSAMPLE, width * SUPERSAMPLE)
    line = half_road + rng.uniform(2.2, 7.0)
    houses = [house for side in (-1, 1) for house in plan_row(rng, side, line)]
    things = _plan_things(stage, half_road, line)
    draw_sky(stage, *sky_colours(rng, stage.light.strength))
    draw_skyline(stage)
    road = pick(rng, GREYS[:4])
    draw_ground(stage, half_road, (pick(rng, GREENS), pick(rng, GREYS[1:5], BRICKS[3:]), road))
    draw_marks(stage, half_road, road)
    cast_shadows(stage, _shadows(stage, line, half_road))
    for house in sorted(houses, key=lambda house: -house.near):
        draw_house(stage, house)
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()
    _draw_wires(stage)
    _draw_bonnet(stage)
    image, labels = develop(stage.canvas, stage.light, rng)
    return image, labels, int(rng.integers(70, 94))


def _set_stage(rng: Generator, height: int, width: int) -> tuple[Stage, float]:
    """The camera, the light, and half the width of the road in metres."""
    camera = Camera(
        focal_px=width * rng.uniform(0.75, 1.15),
        centre_x=width * rng.uniform(0.32, 0.68),
        horizon_y=height * rng.uniform(0.36, 0.54),
        x_m=rng.uniform(-1.4, 1.4),
        height_m=rng.uniform(1.3, 2.1),
        bend=rng.normal(0, 0.0008),
    )
    strength = float(np.clip(rng.uniform(-0.4, 1.1), 0, 1))
    haze = pick(rng, ((206, 212, 220), (224, 220, 208), (180, 186, 194)))
    light = Light(1 if rng.random() < 0.5 else -1, strength, rng.uniform(70, 400), haze)
    return Stage(Canvas(width, height, light.visibility_m), camera, light, rng), rng.uniform(2.6, 4.6)


def _plan_things(stage: Stage, half_road: float, line: float) -> list[Thing]:
    """Everything that stands between the houses, each with its distance."""
    rng = stage.rng
    things: list[Thing] = []

    def add(draw: Draw, xs: tuple[float, float], zs: tuple[float, float], count: float) -> None:
        for _ in range(int(rng.poisson(count))):
            x = rng.uniform(*xs) * (1 if rng.random() < 0.5 else -1)
            z = float(np.exp(rng.uniform(*np.log(zs))))
            things.append((z, partial(draw, stage, x, z)))

    kerb = (half_road + 0.3, half_road + 0.9)
    walk = (half_road + 0.6, line - 0.3)
    add(draw_tree, (half_road + 0.8, line + 3), (7, 80), 6)
    add(draw_bush, (line - 1.0, line + 0.5), (6, 60), 2.5)
    add(draw_lamp, kerb, (6, 60), 3.5)
    add(draw_sign, kerb, (4.5, 35), 3.5)
    add(draw_signals, kerb, (6, 30), 0.6)
    add(draw_bin, walk, (5, 30), 0.8)
    add(draw_car, (half_road - 1.4, half_road - 0.9), (5, 60), 3.2)
    add(draw_car, (0.8, max(1.0, half_road - 2.0)), (7, 60), 1.4)
    add(draw_pedestrian, walk, (4, 28), 6.0)
    add(draw_pedestrian, (0, half_road), (8, 40), 0.8)
    add(draw_bicyclist, (half_road - 1.8, half_road), (4.5, 22), 2.0)
    for side in (-1, 1):
        if rng.random() < 0.65:
            x = side * float(rng.choice([half_road + 0.4, line - 0.4]))
            things += _plan_fence(stage, x, rng.uniform(3.5, 20), rng.uniform(4, 25))
    return things


def _plan_fence(stage: Stage, x: float, near: float, length: float) -> list[Thing]:
    """A fence in short pieces, so that a car beside it hides what lies behind and no more."""
    style = plan_fence_style(stage.rng)
    cuts = np.arange(near, near + length, 2.0).tolist()
    return [(z, partial(draw_fence, stage, style, x, z, z + 2.0)) for z in cuts]


def _shadows(stage: Stage, line: float, half_road: float) -> list[list[Point]]:
    """Of the houses on the sunny side as long strips, of trees and what is out of sight as blots."""
    rng, side = stage.rng, stage.light.side
    shapes: list[list[Point]] = []
    reach = rng.uniform(0.0, 2 * line)
    z = rng.uniform(2.2, 8.0)
    while z < 80:
        length = rng.uniform(5, 20)
        shapes.append(strip(stage, side * line, side * (line - reach), z, z + length))
        z += length + rng.exponential(4.0)
    for _ in range(int(rng.poisson(5))):
        x, z, size = rng.uniform(-half_road - 3, half_road + 3), rng.uniform(4, 40), rng.uniform(0.4, 2.0)
        angles = np.linspace(0, 2 * np.pi, 14)[:-1]
        radii = size * rng.uniform(0.6, 1.2, angles.size)
        blot = zip(np.cos(angles) * radii, np.sin(angles) * radii * 1.3, strict=True)
        shapes.append([stage.camera.at(x + u, 0, max(2.2, z + v)) for u, v in blot])
    return shapes


def _draw_wires(stage: Stage) -> None:
    """Overhead wires: thin and dark like poles, labelled as what is behind them."""
    rng, canvas = stage.rng, stage.canvas
    for _ in range(int(rng.poisson(0.8))):
        left, right = rng.uniform(0, 0.4, 2) * canvas.height
        sag = rng.uniform(0, 0.06) * canvas.height
        steps = np.linspace(0, 1, 12)
        points = [(t * canvas.width, left + (right - left) * t + 4 * sag * t * (1 - t)) for t in steps.tolist()]
        canvas.wire(points, (40, 40, 44))


def _draw_bonnet(stage: Stage) -> None:
    """The camera car's own bonnet, void, in one picture of three."""
    rng, canvas = stage.rng, stage.canvas
    if rng.random() > 0.33:
        return
    rise = rng.uniform(0.02, 0.08) * canvas.height
    middle = canvas.width * rng.uniform(0.4, 0.6)
    paint = pick(rng, GREYS)
    canvas.ellipse(
        (middle - canvas.width, canvas.height - rise, middle + canvas.width, canvas.height * 1.5), paint, VOID, 0.1
    )
