"""Scenes as a dataset folder in the canonical layout, complete or not there at all."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from bpkd_core.data.base import UInt8Array
from bpkd_core.data.layout import SPLITS, Split
from bpkd_core.data.scenes.palette import CLASSES
from bpkd_core.data.scenes.street import render
from bpkd_core.errors import InvalidInput

Progress = Callable[[int, int], None]


def scene_seed(seed: int, split: Split, number: int) -> int:
    """The seed of one scene of a written dataset; no two scenes of a dataset share one."""
    return int(np.random.SeedSequence((seed, SPLITS.index(split), number)).generate_state(1, np.uint64)[0])


def write_scenes(
    root: Path | str,
    *,
    train: int = 600,
    val: int = 60,
    test: int = 120,
    seed: int = 0,
    height: int = 240,
    width: int = 320,
    progress: Progress | None = None,
) -> None:
    """Draw a dataset into `root`, which must not exist or be empty; progress(done, total) is called after each scene.

    Everything is written beside `root` and renamed at the end, so a reader never sees half a dataset. Reading
    NUMBER of a split gives exactly draw_scene(scene_seed(seed, split, NUMBER), height, width).
    Raises InvalidInput if `root` holds something, or for numbers that cannot be.
    """
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InvalidInput(f"{root.name} already holds something; name a folder that is new or empty.")
    if min(train, val, test, seed) < 0 or min(height, width) < 32:
        raise InvalidInput(f"A count, the seed or the size {width}x{height} is too small; counts >= 0, sides >= 32.")
    counts = zip(SPLITS, (train, val, test), strict=True)
    plan: list[tuple[Split, int]] = [(split, number) for split, count in counts for number in range(count)]
    part = root.with_name(f".{root.name}.{secrets.token_hex(4)}.part")
    try:
        for kind in ("images", "masks"):
            for split in SPLITS:
                (part / kind / split).mkdir(parents=True)
        classes = [{"id": c.id, "name": c.name, "color": list(c.color)} for c in CLASSES]
        (part / "classes.json").write_text(json.dumps(classes, indent=1) + "\n", encoding="utf-8")
        for done, (split, number) in enumerate(plan, start=1):
            image, labels, quality = render(scene_seed(seed, split, number), height, width)
            (part / "images" / split / f"{number:05d}.jpg").write_bytes(simplejpeg.encode_jpeg(image, quality))
            _as_palette(labels).save(part / "masks" / split / f"{number:05d}.png", compress_level=4)
            if progress:
                progress(done, len(plan))
        part.rename(root)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _as_palette(labels: UInt8Array) -> Image.Image:
    """A mask that any viewer shows in the colours of its classes."""
    palette = np.zeros((256, 3), np.uint8)
    palette[[c.id for c in CLASSES]] = [c.color for c in CLASSES]
    mask = Image.fromarray(labels)
    mask.putpalette(palette.tobytes())
    return mask
