"""Masks as PNG files, written here because Pillow takes four times as long for masks.

A mask is runs of equal ids, and mostly equal to the row above: PNG's "up" filter turns it into runs of zeros, which
zlib's run-length strategy codes fast. Measured on a real street mask, 480x360, against Pillow: 0.59 and 2.27 ms, 5,971
and 6,867 bytes (zlib 1.2.13; without the filter 0.62 ms and 7,835 bytes).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpkd_core.infer.palette import Colour, colour_table

MAGIC = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3  # PNG's colour types
UP = 2  # PNG's filter that stores the difference from the row above
MEMORY_LEVEL = 9


def encode_png(mask_HW: NDArray[Any], palette: Sequence[Colour]) -> bytes:
    """Class ids (H, W) to a PNG file whose pixel values are the ids.

    uint8 masks carry the palette, RGB, black for ids that it does not reach; uint16 masks become 16-bit grey.
    """
    height, width = mask_HW.shape
    wide = mask_HW.dtype == np.uint16
    header = struct.pack(">IIBBBBB", width, height, 16 if wide else 8, GREY if wide else PALETTE, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    if not wide:
        colours = colour_table(palette, max(len(palette), int(mask_HW.max()) + 1))
        chunks.append(_chunk(b"PLTE", colours[:256].tobytes()))
    return b"".join([MAGIC, *chunks, _chunk(b"IDAT", _compress(_filtered(mask_HW))), _chunk(b"IEND", b"")])


def _filtered(mask_HW: NDArray[Any]) -> NDArray[np.uint8]:
    """Each row as PNG stores it: the filter's number, then the bytes' differences from the row above."""
    big_endian = np.ascontiguousarray(mask_HW.astype(mask_HW.dtype.newbyteorder(">"), copy=False))
    values = big_endian.view(np.uint8)
    rows = np.empty((values.shape[0], values.shape[1] + 1), np.uint8)
    rows[:, 0] = UP
    rows[0, 1:] = values[0]
    np.subtract(values[1:], values[:-1], out=rows[1:, 1:])
    return rows


def _compress(rows: NDArray[np.uint8]) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, MEMORY_LEVEL, zlib.Z_RLE)
    return deflate.compress(rows.data) + deflate.flush()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
