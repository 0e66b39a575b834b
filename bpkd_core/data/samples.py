"""Pictures of a dataset: some images of each split under the colours of their masks, for people to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bpkd_core.bundle import write_atomically
from bpkd_core.data.base import IGNORE_INDEX, Sample
from bpkd_core.data.folder import FolderDataset
from bpkd_core.data.layout import AUTO, SPLITS, Split
from bpkd_core.errors import InvalidDataset, InvalidImage
from bpkd_core.infer.palette import Colour, overlay

INDEX = "index.json"
PER_SPLIT = 4
LONGEST_SIDE = 480


class Picture(NamedTuple):
    """One overlay as a PNG file of the folder, and the image that it shows."""

    file: str
    name: str
    split: Split


def write_samples(root: Path, folder: Path, *, layout: str = AUTO) -> list[Picture]:
    """Draw images spread evenly over each split into `folder`, with an index beside them (INDEX, JSON).

    What cannot be read is left out: this is no check. Raises InvalidDataset only where :func:`open_layout` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures: list[Picture] = []
    for split in SPLITS:
        for name, image in _draw_split(root, split, layout):
            readable = name.encode(errors="replace").decode()  # a file's name need not be text
            picture = Picture(f"{len(pictures):03}.png", readable, split)
            image.save(folder / picture.file, "PNG")
            pictures.append(picture)
    write_atomically(folder / INDEX, json.dumps([picture._asdict() for picture in pictures]).encode())
    return pictures


def _draw_split(root: Path, split: Split, layout: str) -> Iterator[tuple[str, Image.Image]]:
    try:
        data = FolderDataset(root, split, layout=layout, unlabelled="drop", cache_bytes=0)
    except InvalidDataset:  # the check says why
        return
    if data.split != split:
        return
    palette = [each.color for each in data.classes]
    for row in sorted({int(row) for row in np.linspace(0, len(data) - 1, PER_SPLIT)}):
        try:
            yield data.names[row], draw_overlay(data[row], palette)
        except (InvalidDataset, InvalidImage):
            continue


def draw_overlay(sample: Sample, palette: list[Colour]) -> Image.Image:
    """The image under the colours of its classes, no side longer than 480 pixels; without a label it shows as it is."""
    height, width = sample.labels_HW.shape
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image_HW3 = np.asarray(Image.fromarray(sample.image_HW3).resize(size, Image.Resampling.BOX))
    labels_HW = np.asarray(Image.fromarray(sample.labels_HW).resize(size, Image.Resampling.NEAREST))
    coloured_HW3 = overlay(image_HW3, labels_HW, palette)
    void_HW1 = (labels_HW == IGNORE_INDEX)[:, :, np.newaxis]
    return Image.fromarray(np.where(void_HW1, image_HW3, coloured_HW3))
