"""What an image says of itself in its first bytes: format, size, orientation. Nothing is decoded or allocated here.

The bytes decide the format, never a file name or a content type.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

import simplejpeg

from bpkd_core.errors import InvalidImage, UnsupportedImage

Format = Literal["PNG", "JPEG", "WEBP"]
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # some tools leave bytes of their own behind it
JPEG_MAGIC = b"\xff\xd8\xff"
ORIENTATION_TAG = 0x0112
ANIMATED_FLAG = 0x02  # of the flags in WebP's VP8X chunk


class Header(NamedTuple):
    """Format, size in pixels as stored, and JPEG's colour space ("" for the others)."""

    format: Format
    height: int
    width: int
    colour_space: str = ""


def read_header(data: bytes) -> Header:
    """Read format and size. Raises UnsupportedImage for no PNG, JPEG or WebP, InvalidImage for a broken header."""
    try:
        if data.startswith(PNG_MAGIC):
            return _png(data)
        if data.startswith(JPEG_MAGIC):
            height, width, colour_space, _ = simplejpeg.decode_jpeg_header(data)
            return Header("JPEG", int(height), int(width), colour_space)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (ValueError, IndexError, struct.error) as error:
        raise InvalidImage(f"The image's header is damaged ({error}); save or send it again.") from error
    raise UnsupportedImage("The bytes are no PNG, JPEG or WebP image; convert the image to one of these.")


def read_orientation(exif: bytes) -> int:
    """EXIF orientation, 1 to 8, of a TIFF block; 1, upright, where there is none or it cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "")
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for index in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, directory + 2 + 12 * index)
            if tag == ORIENTATION_TAG:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _png(data: bytes) -> Header:
    """The IHDR chunk comes first; a file without its last chunk was cut."""
    width, height = struct.unpack_from(">II", data, 16)
    if data[12:16] != b"IHDR" or PNG_END not in data[-1024:]:
        raise ValueError("its first or its last chunk is missing")
    return Header("PNG", height, width)


def _webp(data: bytes) -> Header:
    """Lossy, lossless or extended; the size stands at another place in each."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise ValueError(f"{size + 8} bytes were announced, {len(data)} came")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WEBP", height & 0x3FFF, width & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("WEBP", (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise ValueError(f"its first chunk is {kind!r}")
    if data[20] & ANIMATED_FLAG:
        raise UnsupportedImage("The image is animated; send its frames one by one.")
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    return Header("WEBP", height, width)
