"""Thin things at the kerb: poles, lamps, signs, fences, and bins that nobody labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.random import Generator

from bpkd_core.data.scenes.palette import (
    BRICKS,
    FENCE,
    GREENS,
    GREYS,
    PAINTS,
    POLE,
    SIGN,
    SIGN_FACES,
    VOID,
    Colour,
    pick,
    shade,
)
from bpkd_core.data.scenes.stage import Point, Stage

THINNEST_PX = 1.2  # on the supersampled canvas: every pole keeps at least one labelled column


def draw_post(stage: Stage, x: float, z: float, height: float, width_m: float, colour: Colour, label: int) -> None:
    """An upright bar."""
    foot_x, foot_y = stage.camera.at(x, 0, z)
    top_y = stage.camera.at(x, height, z)[1]
    half = max(THINNEST_PX, stage.camera.size(width_m, z)) / 2
    points = [(foot_x - half, foot_y), (foot_x - half, top_y), (foot_x + half, top_y), (foot_x + half, foot_y)]
    stage.canvas.polygon(points, colour, label, z)
    lit = foot_x + half * stage.light.side * 0.4
    stage.canvas.detail([(lit, foot_y), (lit, top_y)], shade(colour, 1.0 + 0.25 * stage.light.strength))


def draw_lamp(stage: Stage, x: float, z: float) -> None:
    """A lamp post whose arm reaches over the road; some carry a sign."""
    rng = stage.rng
    height, colour = rng.uniform(4.5, 8.5), pick(rng, GREYS, GREYS, GREENS)
    draw_post(stage, x, z, height, rng.uniform(0.1, 0.2), colour, POLE)
    arm = -math.copysign(rng.uniform(0.8, 2.2), x)
    half = max(0.05, THINNEST_PX / 2 * z / stage.camera.focal_px)
    bar = [
        (x, height - half, z),
        (x, height + half, z),
        (x + arm, height + 0.3 + half, z),
        (x + arm, height + 0.3 - half, z),
    ]
    stage.canvas.polygon(stage.quad(bar), colour, POLE, z)
    head = [(x + arm * 0.7, height + 0.2, z), (x + arm * 1.2, height + 0.35, z), (x + arm * 1.2, height + 0.12, z)]
    stage.canvas.polygon(stage.quad(head), shade(colour, 1.2), POLE, z)
    if rng.random() < 0.3:
        draw_plate(stage, x, rng.uniform(2.1, 2.8), z)


def draw_sign(stage: Stage, x: float, z: float) -> None:
    """One or two plates on a thin pole."""
    rng = stage.rng
    height = rng.uniform(2.0, 2.9)
    draw_post(stage, x, z, height + 0.3, 0.07, pick(rng, GREYS), POLE)
    draw_plate(stage, x, height, z)
    if rng.random() < 0.3:
        draw_plate(stage, x, height - 0.75, z)


def draw_signals(stage: Stage, x: float, z: float) -> None:
    """A traffic light: a dark box with lenses on a pole, a sign by class."""
    rng = stage.rng
    draw_post(stage, x, z, 3.4, 0.12, pick(rng, GREYS), POLE)
    box = stage.quad([(x - 0.17, 2.5, z), (x - 0.17, 3.4, z), (x + 0.17, 3.4, z), (x + 0.17, 2.5, z)])
    stage.canvas.polygon(box, (26, 28, 30), SIGN, z)
    on = int(rng.integers(3))
    for place, colour in enumerate(((40, 210, 110), (240, 180, 40), (235, 50, 40))):
        y = 2.65 + 0.3 * place
        lens = stage.quad([(x - 0.1, y - 0.1, z), (x - 0.1, y + 0.1, z), (x + 0.1, y + 0.1, z), (x + 0.1, y - 0.1, z)])
        stage.canvas.detail(lens, colour if place == on else shade(colour, 0.3))


def draw_plate(stage: Stage, x: float, y: float, z: float) -> None:
    """A sign's face: round, triangular, square on a corner or oblong, with a border and a mark; or its grey back."""
    rng = stage.rng
    corners, turn = ((16, 0.0), (3, 0.5), (4, 0.0), (4, 0.25), (3, 0.0))[int(rng.integers(5))]
    radius = rng.uniform(0.3, 0.55)
    stretch = rng.uniform(0.7, 1.6) if (corners, turn) == (4, 0.25) else 1.0
    border, face = pick(rng, SIGN_FACES), pick(rng, SIGN_FACES)

    def outline(size: float) -> list[Point]:
        angles = [math.tau * (step / corners + turn / 2) for step in range(corners)]
        return [stage.camera.at(x + size * stretch * math.sin(a), y + size * math.cos(a), z) for a in angles]

    stage.canvas.polygon(outline(radius), border, SIGN, z)
    stage.canvas.detail(outline(radius * 0.75), face)
    if rng.random() < 0.6:
        stage.canvas.detail(outline(radius * 0.3), pick(rng, SIGN_FACES, GREYS[:1]))


@dataclass(frozen=True, slots=True)
class FenceStyle:
    """Colour, height and distance between the bars of a fence; metres."""

    colour: Colour
    height: float
    pitch: float


def plan_fence_style(rng: Generator) -> FenceStyle:
    """Railings, pickets, or posts with rails."""
    colour = pick(rng, GREYS, BRICKS[:3], GREENS, PAINTS[2:4])
    return FenceStyle(colour, rng.uniform(0.8, 1.5), (0.16, 0.3, 2.0)[int(rng.integers(3))])


def draw_fence(stage: Stage, style: FenceStyle, x: float, near: float, far: float) -> None:
    """A piece of fence along the street: rails and bars with air between; only the bars are labelled."""
    barred = style.pitch < 1
    levels = (style.height * 0.92, 0.15) if barred else (style.height, style.height * 0.5, 0.12)
    half = max(0.03, THINNEST_PX / 2 * near / stage.camera.focal_px)
    for level in levels:
        rail = [(x, level - half, near), (x, level + half, near), (x, level + half, far), (x, level - half, far)]
        stage.canvas.polygon(stage.quad(rail), shade(style.colour, 0.9), FENCE, near)
    z = far
    while z > near:
        tone = shade(style.colour, stage.rng.uniform(0.9, 1.1))
        draw_post(stage, x, z, style.height, 0.05 if barred else 0.1, tone, FENCE)
        # bars closer than six pixels would flow together and cost most of the time
        z -= max(style.pitch, 6.0 * z * z / (stage.camera.focal_px * max(1.0, abs(x))))


def draw_bin(stage: Stage, x: float, z: float) -> None:
    """A bin or a box: there to be seen, and without a label."""
    rng = stage.rng
    half, height = rng.uniform(0.2, 0.5), rng.uniform(0.6, 1.2)
    body = stage.quad([(x - half, 0, z), (x - half, height, z), (x + half, height, z), (x + half, 0, z)])
    stage.canvas.polygon(body, pick(rng, GREYS, GREENS, PAINTS), VOID, z)
