"""Houses along the street: a facade towards the road, the end wall towards the camera, a roof, windows and posters."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from bpkd_core.data.scenes.palette import BRICKS, BUILDING, GREENS, GREYS, PAINTS, SIGN_FACES, Colour, mix, pick, shade
from bpkd_core.data.scenes.stage import Stage

STOREY_M = 3.0
SMALLEST_WINDOW_PX = 3.0


@dataclass(frozen=True, slots=True)
class House:
    """One house: its side of the street (-1, 1), distance of the facade from the middle, extent and look."""

    side: int
    x: float
    near: float
    far: float
    height: float
    wall: Colour
    roof: float
    bay: float


def plan_row(rng: Generator, side: int, line: float) -> list[House]:
    """Houses on one side of the street, near to far, with gaps between some."""
    houses: list[House] = []
    z = rng.uniform(1.2, 9.0)
    density = rng.uniform(0.35, 1.0)
    while z < 110:
        length = rng.uniform(6, 22)
        if rng.random() < density:
            height = STOREY_M * int(rng.integers(1, 7)) + rng.uniform(0.5, 2)
            wall = pick(rng, GREYS[2:], BRICKS, BRICKS, BRICKS, GREENS[4:])
            setback = abs(rng.normal(0, 0.8))
            roof = rng.uniform(1.5, 3.5) * (rng.random() < 0.5)
            houses.append(House(side, side * (line + setback), z, z + length, height, wall, roof, rng.uniform(2, 3.4)))
        z += length + rng.exponential(1.5)
    return houses


def draw_house(stage: Stage, house: House) -> None:
    """Roof, end wall, facade, then what hangs on the facade."""
    sun = stage.light.strength * (0.18 if house.side != stage.light.side else -0.3)
    front = shade(house.wall, 1.0 + sun)
    x, near, far, top = house.x, house.near, house.far, house.height
    back = x + house.side * 9.0
    ridge = x + house.side * 4.0
    canvas = stage.canvas
    if house.roof:
        slope = [(x, top, near), (x, top, far), (ridge, top + house.roof, far), (ridge, top + house.roof, near)]
        tiles = shade(pick(stage.rng, GREYS[:3], BRICKS[:3]), 1.0 + sun)
        canvas.polygon(stage.quad(slope), tiles, BUILDING, near)
    gable = [(x, 0.0, near), (x, top, near), (ridge, top + house.roof, near), (back, top, near), (back, 0.0, near)]
    canvas.polygon(stage.quad(gable), shade(house.wall, 0.8 - sun / 2), BUILDING, near)
    facade = stage.quad([(x, 0.0, near), (x, top, near), (x, top, far), (x, 0.0, far)])
    canvas.polygon(facade, front, BUILDING, (near + far) / 2)
    if stage.sees(facade):
        _draw_storeys(stage, house, front)


def _draw_storeys(stage: Stage, house: House, front: Colour) -> None:
    rng = stage.rng
    glass = mix(pick(rng, GREYS[:2], spread=8), stage.light.haze, rng.uniform(0.0, 0.6))
    trim = shade(front, rng.uniform(0.75, 1.3))
    tall, wide = rng.uniform(1.2, 2.0), house.bay * rng.uniform(0.4, 0.75)
    shop = rng.random() < 0.4
    for storey in range(int(house.height // STOREY_M)):
        foot = storey * STOREY_M
        _face(stage, house, house.near, house.far, foot + 2.85, foot + 3.0, trim)
        z = house.near + 0.6
        while z + wide < house.far and stage.camera.size(tall, z) > SMALLEST_WINDOW_PX:
            if storey == 0 and shop:
                _draw_shop(stage, house, z, wide, glass)
            else:
                pane = shade(glass, rng.uniform(0.6, 1.5))
                _face(stage, house, z - 0.1, z + wide + 0.1, foot + 0.75, foot + 1.0 + tall, trim)
                _face(stage, house, z, z + wide, foot + 0.9, foot + 0.9 + tall, pane)
            z += house.bay


def _draw_shop(stage: Stage, house: House, z: float, wide: float, glass: Colour) -> None:
    """A shop window with an awning; sometimes a poster that looks like a traffic sign and is none."""
    rng = stage.rng
    _face(stage, house, z - 0.2, z + wide + 0.2, 0.3, 2.3, shade(glass, rng.uniform(0.5, 1.4)))
    _face(stage, house, z - 0.3, z + wide + 0.3, 2.3, 2.75, pick(rng, PAINTS, SIGN_FACES))
    if rng.random() < 0.35:
        _face(stage, house, z, z + 0.7, 1.1, 1.9, pick(rng, SIGN_FACES))


def _face(stage: Stage, house: House, near: float, far: float, low: float, high: float, colour: Colour) -> None:
    """A rectangle on the facade."""
    x = house.x
    points = stage.quad([(x, low, near), (x, high, near), (x, high, far), (x, low, far)])
    if stage.sees(points):
        stage.canvas.detail(points, colour)
