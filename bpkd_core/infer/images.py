"""Image bytes from anywhere to RGB pixels, or one sentence why not.

Decided here: EXIF orientation is applied, so that the mask lies on the image as people see it; alpha is dropped and the
colours under it stay; 16 bits become the upper 8; grey, palette and CMYK become RGB; an animation is refused, because a
mask of its first frame would pass over the rest in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from bpkd_core.errors import InvalidImage, UnsupportedImage
from bpkd_core.infer.headers import Header, read_header, read_orientation

MAX_PIXELS = 64_000_000
MAX_SIDE = 65_535  # JPEG's limit; a line of 64 million pixels would be padded to the stride
EXIF_PREFIX = b"Exif\0\0"
EXIF_WITHIN = 1 << 16  # where cameras and phones write it

UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """PNG, JPEG or WebP bytes to RGB uint8 (H, W, 3), upright.

    max_pixels: the most that is decoded; the header is read first. Raises UnsupportedImage for other formats and for
    animations, InvalidImage for what is damaged, truncated, empty or too large.
    """
    header = read_header(data)
    if not 0 < header.height * header.width <= max_pixels or max(header.height, header.width) > MAX_SIDE:
        raise InvalidImage(
            f"The image has {header.width} x {header.height} pixels; expected at least 1 and at most {max_pixels:,}, "
            f"no side above {MAX_SIDE:,}: scale it or cut it into tiles."
        )
    pixels, exif = _decode(data, header)
    return np.ascontiguousarray(UPRIGHT[read_orientation(exif)](pixels))


def _decode(data: bytes, header: Header) -> tuple[NDArray[np.uint8], bytes]:
    """The pixels as stored, and the EXIF block, empty where there is none."""
    try:
        if header.format == "JPEG" and header.colour_space not in ("CMYK", "YCCK"):
            start = data.find(EXIF_PREFIX, 0, EXIF_WITHIN)
            exif = data[start + len(EXIF_PREFIX) : start + EXIF_WITHIN] if start >= 0 else b""
            return simplejpeg.decode_jpeg(data, "RGB", strict=True), exif
        with Image.open(BytesIO(data), formats=(header.format,)) as image:
            return _rgb(image, header), image.info.get("exif", b"").removeprefix(EXIF_PREFIX)
    except UnsupportedImage:
        raise
    except Exception as error:  # decoders of hostile bytes raise whatever their code stumbles on
        raise InvalidImage(f"The image cannot be read to its end ({error}); save or send it again.") from error


def _rgb(image: Image.Image, header: Header) -> NDArray[np.uint8]:
    if getattr(image, "n_frames", 1) > 1:
        raise UnsupportedImage("The image is animated; send its frames one by one.")
    if image.size != (header.width, header.height):
        raise ValueError(f"it announces two sizes, {header.width} x {header.height} and {image.width} x {image.height}")
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    image.info.pop("transparency", None)  # Pillow warns of dropping it
    return np.asarray(image.convert("RGB"))
