"""Trees, bushes and hedges: shapes that noise cuts out, with holes through which one sees what is behind."""

from __future__ import annotations

import numpy as np

from bpkd_core.data.scenes.palette import AUTUMN, BRICKS, GREENS, GREYS, VEGETATION, Colour, pick, shade
from bpkd_core.data.scenes.stage import Stage, smooth_noise

LARGEST_STAMP_PX = 112  # larger crowns are drawn at this size and stretched


def draw_tree(stage: Stage, x: float, z: float) -> None:
    """A trunk and a crown; some trees are bare on one side, some nearly round."""
    rng = stage.rng
    height, radius = rng.uniform(3.5, 8.5), rng.uniform(1.1, 2.6)
    half = rng.uniform(0.08, 0.2)
    trunk = stage.quad([(x - half, 0, z), (x - half * 0.6, height, z), (x + half * 0.6, height, z), (x + half, 0, z)])
    stage.canvas.polygon(trunk, shade(pick(rng, GREYS[:2], BRICKS[:3]), 0.7), VEGETATION, z)
    left, top = stage.camera.at(x - radius, height + radius, z)
    right, bottom = stage.camera.at(x + radius, height - radius * rng.uniform(0.8, 1.5), z)
    draw_foliage(stage, (left, top, right, bottom), z, pick(rng, GREENS, GREENS, GREENS, AUTUMN), round_=1.0)


def draw_bush(stage: Stage, x: float, z: float) -> None:
    """A bush on the ground, wide or high."""
    rng = stage.rng
    wide, high = rng.uniform(0.5, 2.2), rng.uniform(0.5, 1.8)
    left, top = stage.camera.at(x - wide, high, z)
    right, bottom = stage.camera.at(x + wide, -0.05, z)
    draw_foliage(stage, (left, top, right, bottom), z, pick(rng, GREENS, AUTUMN), round_=0.5)


def draw_foliage(
    stage: Stage, box: tuple[float, float, float, float], z: float, colour: Colour, *, round_: float
) -> None:
    """Leaves within a box (left, top, right, bottom): a mound of radial height, roughened at two scales and cut."""
    whole = (round(box[0]), round(box[1]), round(box[2]), round(box[3]))
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    if min(width, height) < 3 or not stage.sees([whole[:2], whole[2:]]):
        return
    shrink = max(1.0, max(width, height) / LARGEST_STAMP_PX)
    rows, columns = max(3, int(height / shrink)), max(3, int(width / shrink))
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    coarse = smooth_noise(stage.rng, rows, columns, max(4, columns // 5))
    fine = smooth_noise(stage.rng, rows, columns, 2)
    bulk = 1.0 - np.abs(x) ** (2 / round_) - np.abs(y) ** (2 / round_)
    mask = bulk + 0.22 * coarse + 0.16 * fine > 0.28
    lit = 0.82 - 0.28 * y - 0.15 * stage.light.side * -x * stage.light.strength + 0.14 * coarse + 0.17 * fine
    picture = np.clip(lit[..., None] * np.array(colour), 0, 255).astype(np.uint8)
    stage.canvas.stamp(picture, mask.astype(np.uint8) * 255, whole, VEGETATION, z)
