"""Who is on the street: cars and vans, people on foot, people on bicycles."""

from __future__ import annotations

import math
from collections.abc import Callable

from bpkd_core.data.scenes.palette import (
    BICYCLIST,
    BRICKS,
    CAR,
    GREENS,
    GREYS,
    PAINTS,
    PEDESTRIAN,
    SKINS,
    Colour,
    pick,
    shade,
)
from bpkd_core.data.scenes.stage import Point, Stage

TYRE = (22, 22, 24)


def draw_car(stage: Stage, x: float, z: float) -> None:
    """A car (or van) as two boxes, the cabin narrower than the body; near face at z, seen from behind or in front."""
    rng, canvas = stage.rng, stage.canvas
    paint = pick(rng, PAINTS, GREYS, GREYS, GREENS)
    van = rng.random() < 0.2
    half, length = rng.uniform(0.8, 0.95), rng.uniform(3.6, 4.8)
    sill, belt = 0.28, rng.uniform(0.82, 1.05)
    roof = rng.uniform(1.9, 2.4) if van else belt + rng.uniform(0.45, 0.65)
    start, end = z + (0.05 if van else rng.uniform(0.1, 0.9)), z + length - rng.uniform(0.2, 1.2)
    canvas.detail(
        stage.quad(
            [
                (x - half - 0.1, 0, z - 0.2),
                (x - half, 0, z + length),
                (x + half, 0, z + length),
                (x + half + 0.1, 0, z - 0.2),
            ]
        ),
        (24, 24, 27),
    )
    side = x - math.copysign(half, x)
    if abs(x) > half:
        _draw_flank(stage, side, z, length, (sill, belt), paint)
    deck = [(x - half, belt, z), (x - half, belt, z + length), (x + half, belt, z + length), (x + half, belt, z)]
    canvas.polygon(stage.quad(deck), shade(paint, 1.15), CAR, z)
    slim = half - (0.03 if van else 0.16)
    if abs(x) > half:
        top = x - math.copysign(slim, x)
        cabin = [(side, belt, start - 0.1), (top, roof, start + 0.25), (top, roof, end - 0.4), (side, belt, end)]
        canvas.polygon(stage.quad(cabin), shade(paint, 0.85), CAR, z)
        panes = [
            (side, belt + 0.05, start + 0.3),
            (top, roof - 0.08, start + 0.5),
            (top, roof - 0.08, end - 0.7),
            (side, belt + 0.05, end - 0.4),
        ]
        canvas.detail(stage.quad(panes), (36, 42, 48))
    lid = [
        (x - slim, roof, start + 0.25),
        (x - slim, roof, end - 0.4),
        (x + slim, roof, end - 0.4),
        (x + slim, roof, start + 0.25),
    ]
    canvas.polygon(stage.quad(lid), shade(paint, 1.2), CAR, z)
    _draw_rear(stage, x, z, (half, slim), (sill, belt, roof), start, paint)


def _draw_flank(stage: Stage, x: float, z: float, length: float, levels: tuple[float, float], paint: Colour) -> None:
    """The side towards the road's middle, with two wheels."""
    sill, belt = levels
    lit = 1.0 if (x < 0) == (stage.light.side > 0) else 0.72
    panel = stage.quad([(x, sill, z), (x, belt, z), (x, belt, z + length), (x, sill, z + length)])
    stage.canvas.polygon(panel, shade(paint, lit), CAR, z)
    for hub in (z + 0.75, z + length - 0.8):
        (left, top), (right, bottom) = stage.camera.at(x, 0.62, hub - 0.31), stage.camera.at(x, 0, hub + 0.31)
        bottom = stage.camera.at(x, 0, hub)[1]
        box = (min(left, right), min(top, bottom), max(left, right), bottom)
        stage.canvas.ellipse(box, TYRE, CAR, z)


def _draw_rear(
    stage: Stage,
    x: float,
    z: float,
    halves: tuple[float, float],
    levels: tuple[float, float, float],
    start: float,
    paint: Colour,
) -> None:
    """The face towards the camera: tyres, panel, window, lamps and a plate."""
    rng, canvas = stage.rng, stage.canvas
    (half, slim), (sill, belt, roof) = halves, levels

    def face(left: float, right: float, low: float, high: float, at: float = z) -> list[Point]:
        return stage.quad([(x + left, low, at), (x + left, high, at), (x + right, high, at), (x + right, low, at)])

    window = [
        (x - half, belt, start - 0.1),
        (x - slim, roof, start + 0.25),
        (x + slim, roof, start + 0.25),
        (x + half, belt, start - 0.1),
    ]
    canvas.polygon(stage.quad(window), shade(paint, 0.9), CAR, z)
    canvas.detail(
        face(-slim + 0.08, slim - 0.08, belt + 0.06, roof - 0.1, start + 0.1),
        shade((52, 60, 70), rng.uniform(0.5, 1.6)),
    )
    for left in (-half + 0.05, half - 0.27):
        canvas.polygon(face(left, left + 0.22, 0, sill + 0.1), TYRE, CAR, z)
    canvas.polygon(face(-half, half, sill, belt), paint, CAR, z)
    canvas.detail(face(-half, half, sill, sill + 0.16), shade(paint, 0.55))
    lamp = (190, 30, 30) if rng.random() < 0.6 else (240, 238, 220)
    for left in (-half + 0.04, half - 0.3):
        canvas.detail(face(left, left + 0.26, belt - 0.3, belt - 0.12), lamp)
    canvas.detail(face(-0.26, 0.26, sill + 0.2, sill + 0.32), (232, 226, 170))


def draw_pedestrian(stage: Stage, x: float, z: float) -> None:
    """A person walking or standing: two legs, a coat, arms, a head, sometimes a bag."""
    rng, canvas = stage.rng, stage.canvas
    tall, stride = rng.uniform(1.1, 1.9), rng.uniform(-0.22, 0.22)
    coat, trousers = pick(rng, PAINTS, GREYS, BRICKS, GREENS), pick(rng, GREYS[:3], PAINTS)
    draw = _figure(stage, x, z, tall, PEDESTRIAN)
    draw([(-0.1, 0.5), (-0.09 - stride, 0.0), (0.0 - stride, 0.0), (0.02, 0.5)], trousers)
    draw([(-0.02, 0.5), (0.0 + stride, 0.0), (0.09 + stride, 0.0), (0.1, 0.5)], shade(trousers, 0.85))
    draw([(-0.13, 0.83), (-0.12 - stride / 2, 0.48), (-0.07 - stride / 2, 0.48), (-0.06, 0.83)], shade(coat, 0.8))
    draw([(0.13, 0.83), (0.12 + stride / 2, 0.48), (0.07 + stride / 2, 0.48), (0.06, 0.83)], shade(coat, 0.8))
    draw([(-0.12, 0.84), (-0.1, 0.45), (0.1, 0.45), (0.12, 0.84)], coat)
    if rng.random() < 0.3:
        draw([(0.12, 0.6), (0.12, 0.42), (0.24, 0.42), (0.22, 0.6)], pick(rng, PAINTS))
    left, top = stage.camera.at(x - 0.065 * tall, tall, z)
    right, bottom = stage.camera.at(x + 0.065 * tall, tall * 0.845, z)
    canvas.ellipse((left, top, max(left + 1, right), max(top + 1, bottom)), pick(rng, SKINS, GREYS[:1]), PEDESTRIAN, z)


def draw_bicyclist(stage: Stage, x: float, z: float) -> None:
    """Bicycle and rider, one class, seen more or less from the side."""
    rng, canvas = stage.rng, stage.canvas
    turn = rng.uniform(0.35, 1.0) * (1 if rng.random() < 0.5 else -1)
    frame, coat = pick(rng, PAINTS), pick(rng, PAINTS, GREYS, GREENS)
    thick = max(2, round(stage.camera.size(0.05, z)))
    for hub in (-0.52, 0.52):
        left, top = stage.camera.at(x + hub * turn - 0.34 * abs(turn), 0.68, z)
        right, bottom = stage.camera.at(x + hub * turn + 0.34 * abs(turn), 0, z)
        canvas.ring((left, top, max(left + 3, right), max(top + 3, bottom)), TYRE, BICYCLIST, z, thick)
    draw = _figure(stage, x, z, 1.0, BICYCLIST, turn)
    draw([(-0.5, 0.32), (-0.15, 0.82), (-0.1, 0.8), (-0.45, 0.32)], frame)
    draw([(-0.2, 0.75), (0.4, 0.85), (0.4, 0.8), (-0.2, 0.7)], frame)
    draw([(0.38, 0.95), (0.48, 0.32), (0.54, 0.32), (0.44, 0.95)], frame)
    draw([(-0.25, 0.95), (0.1, 0.3), (0.2, 0.32), (0.0, 1.0)], pick(rng, GREYS[:3], PAINTS))
    draw([(-0.3, 0.92), (-0.08, 1.45), (0.16, 1.42), (0.02, 0.92)], coat)
    draw([(0.0, 1.4), (0.36, 1.0), (0.42, 1.04), (0.14, 1.42)], shade(coat, 0.8))
    left, top = stage.camera.at(x + 0.08 * turn - 0.11, 1.72, z)
    right, bottom = stage.camera.at(x + 0.08 * turn + 0.11, 1.44, z)
    canvas.ellipse((left, top, max(left + 1, right), max(top + 1, bottom)), pick(rng, SKINS, PAINTS), BICYCLIST, z)


def _figure(
    stage: Stage, x: float, z: float, scale: float, label: int, turn: float = 1.0
) -> Callable[[list[Point], Colour], None]:
    """A function that fills shapes given in the figure's own metres."""

    def draw(points: list[Point], colour: Colour) -> None:
        stage.canvas.polygon([stage.camera.at(x + u * scale * turn, v * scale, z) for u, v in points], colour, label, z)

    return draw
