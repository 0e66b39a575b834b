"""A small sound dataset, as files and as an archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def png(values: Any) -> bytes:
    """A PNG of these pixels."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(file, "PNG")
    return file.getvalue()


STREETS: Mapping[str, bytes] = {
    **{f"images/train/{name}.png": png(np.full((8, 8, 3), shade)) for name, shade in (("a", 50), ("b", 90), ("c", 9))},
    **{f"masks/train/{name}.png": png([[0, 1] * 4] * 8) for name in "abc"},
    "classes.json": b'[{"id": 0, "name": "a", "color": [9, 9, 9]}, {"id": 1, "name": "b", "color": [99, 9, 9]}]',
}
"""Three images and their masks; one of them is held out as val."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return archive.getvalue()


def written(files: Mapping[str, bytes], folder: Path) -> Path:
    """These files below a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
