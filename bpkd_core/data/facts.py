"""What one image and its mask say: the facts that a report adds up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bpkd_core.data.base import IGNORE_INDEX, UInt8Array
from bpkd_core.data.layout import Layout, Pair, Problem
from bpkd_core.data.pixels import INDEX_MODES, SIXTEEN_BIT_MODES, decode_image, open_header
from bpkd_core.errors import InvalidDataset, InvalidImage

Counts = NDArray[np.int64]
EXIF_ORIENTATION = 0x0112
EXIF_QUARTER_TURNS = (5, 6, 7, 8)
LOSSY_COLOURS = 64  # nobody draws so many that are no label's: the mask was resized smoothly or saved as JPEG


@dataclass(slots=True)
class Facts:
    """What one pair of files says; counts[v] is the number of mask pixels of value v."""

    digest: str
    size: str = ""
    counts: Counts = field(default_factory=lambda: np.zeros(256, np.int64))
    problems: list[Problem] = field(default_factory=list)


def inspect(layout: Layout, pair: Pair) -> Facts:
    """Read one image and its mask, if it is meant to have one and the layout can tell what its values mean."""
    image_place = pair.image.relative_to(layout.root).as_posix()
    if not pair.image.is_file():
        return Facts("", problems=[Problem("missing_image", image_place)])
    data = pair.image.read_bytes()
    facts = Facts(hashlib.sha256(data).hexdigest())
    image_hw = _inspect_image(data, image_place, facts)
    if pair.mask is None:
        return facts
    if not pair.mask.is_file():
        facts.problems.append(Problem("missing_pair", image_place))
        return facts
    mask_place = pair.mask.relative_to(layout.root).as_posix()
    labels = _inspect_mask(pair.mask, mask_place, layout, facts)
    if labels is None:
        return facts
    facts.counts = np.bincount(labels.ravel(), minlength=256)
    if facts.counts[IGNORE_INDEX] == labels.size:
        facts.problems.append(Problem("all_ignore_mask", mask_place))
    if image_hw is not None:
        _compare_sizes(data, image_hw, labels.shape, image_place, mask_place, facts)
    return facts


def _inspect_image(data: bytes, place: str, facts: Facts) -> tuple[int, int] | None:
    try:
        height, width = decode_image(data, place).shape[:2]
    except InvalidImage as error:
        facts.problems.append(Problem("corrupt_image", place, error.message))
        return None
    facts.size = f"{width}x{height}"
    return height, width


def _inspect_mask(path: Path, place: str, layout: Layout, facts: Facts) -> UInt8Array | None:
    data = path.read_bytes()
    try:
        code = layout.code(path)
        mode = open_header(data, place).mode
        if mode not in INDEX_MODES and not code.holds_colours(mode):
            rule = "sixteen_bit_mask" if mode in SIXTEEN_BIT_MODES else "mask_rgb_not_index"
            facts.problems.append(Problem(rule, place, mode))
            return None
        labels, unknown = code.read(data, place)
    except InvalidImage as error:
        facts.problems.append(Problem("corrupt_mask", place, error.message))
        return None
    except InvalidDataset:  # of the definitions; said once, of their own file
        return None
    if len(unknown) > LOSSY_COLOURS and code.holds_colours(mode):
        facts.problems.append(Problem("mask_lossy_colours", place, f"{len(unknown)} in {place}"))
    elif unknown:
        facts.problems.append(Problem(layout.unknown_value, place, ", ".join(unknown[:5])))
    return labels


def _compare_sizes(
    data: bytes, image_hw: tuple[int, int], mask_hw: tuple[int, ...], image_place: str, mask_place: str, facts: Facts
) -> None:
    header = open_header(data, image_place)
    # only JPEG: Pillow would decode a whole PNG to look for its orientation
    orientation = header.getexif().get(EXIF_ORIENTATION, 1) if header.format == "JPEG" else 1
    if image_hw == mask_hw:
        if orientation != 1:
            facts.problems.append(Problem("exif_turned", image_place))
    elif orientation in EXIF_QUARTER_TURNS and image_hw == mask_hw[::-1]:
        facts.problems.append(Problem("exif_rotation_mismatch", image_place))
    else:
        detail = f"a mask of {mask_hw[1]}x{mask_hw[0]} on an image of {image_hw[1]}x{image_hw[0]}"
        facts.problems.append(Problem("size_mismatch", mask_place, detail))
