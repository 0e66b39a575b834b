"""A small, sound dataset on disk that each test may break in its own way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 24, 32
CLASSES = [
    {"id": 0, "name": "road", "color": [112, 84, 134]},
    {"id": 1, "name": "car", "color": [38, 66, 170]},
    {"id": 2, "name": "sky", "color": [126, 178, 221]},
]


def write_pair(root: Path, split: str, name: str, seed: int) -> None:
    """One JPEG of noise and a mask that holds every class and void."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (HEIGHT, WIDTH))
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for kind in ("images", "masks"):
        (root / kind / split / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(root / "images" / split / f"{name}.jpg")
    Image.fromarray(labels).save(root / "masks" / split / f"{name}.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four images to train on, two to validate, one to test."""
    home = tmp_path / "streets"
    for seed, place in enumerate(("train/a", "train/b", "train/c", "train/d", "val/e", "val/f", "test/g")):
        split, _, name = place.partition("/")
        write_pair(home, split, name, seed)
    (home / "classes.json").write_text(json.dumps(CLASSES))
    return home
