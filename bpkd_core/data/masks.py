"""What the values or colours of a mask stand for, and masks read accordingly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo, UInt8Array
from bpkd_core.data.pixels import decode_mask, load_pixels, open_header

Colour = tuple[int, int, int]
COLOUR_MODES = ("RGB", "RGBA")


class Reading(NamedTuple):
    """A mask as class ids (H, W), 255 where there is no label, and what it held that stands for nothing."""

    labels_HW: UInt8Array
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskCode:
    """Stored value -> class id, 255 for no label; `colours` does the same for masks of colours.

    by_palette: a palette mask is read by the colours of its palette, not by its indices.
    """

    ids: Mapping[int, int]
    colours: Mapping[Colour, int] = field(default_factory=dict[Colour, int])
    by_palette: bool = False

    def read(self, data: bytes, name: str) -> Reading:
        """Decode a mask file; `name` is for messages.

        Raises InvalidImage for a file that is damaged, that holds 16-bit values, or colours where there are none here.
        """
        header = open_header(data, name)
        if self.colours and (header.mode in COLOUR_MODES or (self.by_palette and header.mode == "P")):
            return self._read_colours(load_pixels(header, name, "RGB"))
        return self._read_ids(decode_mask(data, name))

    def holds_colours(self, mode: str) -> bool:
        """Whether a file of this mode of Pillow's can be read by colours."""
        return bool(self.colours) and mode in COLOUR_MODES

    def _read_ids(self, values_HW: UInt8Array) -> Reading:
        table = np.full(256, IGNORE_INDEX, np.uint8)
        table[list(self.ids)] = list(self.ids.values())
        present = np.flatnonzero(np.bincount(values_HW.ravel(), minlength=256))
        return Reading(table[values_HW], tuple(str(value) for value in present if int(value) not in self.ids))

    def _read_colours(self, pixels_HW3: UInt8Array) -> Reading:
        known = np.array(sorted(_pack(np.array(list(self.colours)))), np.int32)
        by_number = {int(_pack(np.array(colour))): value for colour, value in self.colours.items()}
        table = np.array([by_number[int(number)] for number in known], np.uint8)
        packed_HW = _pack(pixels_HW3)
        places_HW = np.searchsorted(known, packed_HW).clip(max=len(known) - 1)
        hit_HW = known[places_HW] == packed_HW
        labels_HW = np.where(hit_HW, table[places_HW], np.uint8(IGNORE_INDEX))
        return Reading(labels_HW, tuple(f"#{number:06x}" for number in np.unique(packed_HW[~hit_HW])))


def _pack(colours: NDArray[np.integer]) -> NDArray[np.int32]:
    """(..., 3) colours to one number each."""
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    return (red << 16) | (green << 8) | blue


def plain_code(num_classes: int) -> MaskCode:
    """Values are class ids; 255 is no label."""
    return MaskCode({**{value: value for value in range(num_classes)}, IGNORE_INDEX: IGNORE_INDEX})


def shifted_code(num_classes: int) -> MaskCode:
    """0 is no label and value v is class v - 1."""
    return MaskCode({0: IGNORE_INDEX, **{value + 1: value for value in range(num_classes)}, IGNORE_INDEX: IGNORE_INDEX})


def named_classes(table: str) -> tuple[ClassInfo, ...]:
    """Classes from lines of `rrggbb name`, numbered from 0."""
    rows = [line.strip().partition(" ") for line in table.strip().splitlines()]
    return tuple(ClassInfo(id=i, name=name, color=hex_colour(text)) for i, (text, _, name) in enumerate(rows))


def hex_colour(text: str) -> Colour:
    """`rrggbb` to (red, green, blue)."""
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def voc_colours(count: int) -> Sequence[Colour]:
    """The colours of Pascal VOC: the bits of an index, three at a time, dealt to red, green and blue from the top."""
    colours: list[Colour] = []
    for index in range(count):
        channels = [sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)]
        colours.append((channels[0], channels[1], channels[2]))
    return colours
