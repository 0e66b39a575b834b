"""One class of a mask as COCO's run-length encoding: the lengths of runs of 0 and 1 in turn, down the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHARACTER_BITS, CONTINUE, SIGN, FIRST_CHARACTER = 5, 0x20, 0x10, 48


def encode_rle(mask_HW: NDArray[Any], class_id: int) -> list[int]:
    """COCO's uncompressed `counts` of the pixels of one class; the first run is of zeros and may be 0 long."""
    inside = (mask_HW == class_id).ravel(order="F")
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    counts = np.diff(changes, prepend=0, append=inside.size).tolist()
    return [0, *counts] if inside[0] else counts


def compress_rle(counts: Sequence[int]) -> str:
    """COCO's compressed `counts`: from the fourth on the difference to the count two before, five bits a character."""
    differences = [count - (counts[index - 2] if index > 2 else 0) for index, count in enumerate(counts)]
    return "".join(map(_characters, differences))


def _characters(number: int) -> str:
    """A signed integer, lowest bits first; a character that is not the last has bit 5 set."""
    text = ""
    while True:
        bits, number = number & (CONTINUE - 1), number >> CHARACTER_BITS
        if number == (-1 if bits & SIGN else 0):
            return text + chr(bits + FIRST_CHARACTER)
        text += chr((bits | CONTINUE) + FIRST_CHARACTER)
