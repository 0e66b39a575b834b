"""Files to arrays: RGB images and index masks, read whole or refused with a sentence.

The bytes decide the format, not the suffix. EXIF orientation is not applied: masks are drawn on the pixels as stored.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from bpkd_core.data.base import UInt8Array
from bpkd_core.errors import InvalidImage, UnsupportedImage

MAX_PIXELS = 64_000_000  # an 8k x 8k image; below Pillow's own warning, so that ours is the only answer
INDEX_MODES = ("L", "P", "1")  # a palette mask holds ids too: the palette is only its colours
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I", "F")


def read_image(path: Path) -> UInt8Array:
    """Return the image in a file as :func:`decode_image` does."""
    return decode_image(path.read_bytes(), path.name)


def read_mask(path: Path) -> UInt8Array:
    """Return the mask in a file as :func:`decode_mask` does."""
    return decode_mask(path.read_bytes(), path.name)


def decode_image(data: bytes, name: str) -> UInt8Array:
    """Return the image as uint8 RGB, (H, W, 3); `name` is for messages.

    Raises UnsupportedImage for other formats than PNG, JPEG and WebP, InvalidImage for files that cannot be read whole.
    """
    header = open_header(data, name)
    if header.mode in SIXTEEN_BIT_MODES:
        raise InvalidImage(f"{name} holds more than 8 bits a channel (mode {header.mode}); save it with 8 bits.")
    try:
        if header.format == "JPEG" and header.mode != "CMYK":
            return simplejpeg.decode_jpeg(data, "RGB")  # half the time of Pillow
        return np.array(header.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidImage(f"{name} cannot be read to its end ({error}); save or copy it again.") from error


def decode_mask(data: bytes, name: str) -> UInt8Array:
    """Return the mask as uint8 class ids, (H, W).

    Raises InvalidImage for a file that is damaged or holds colours or 16-bit values instead of 8-bit ids.
    """
    header = open_header(data, name)
    if header.mode not in INDEX_MODES:
        raise InvalidImage(
            f"{name} is a mask of mode {header.mode}; expected one 8-bit channel of class ids (mode L or P)."
        )
    return load_pixels(header, name)


def load_pixels(header: Image.Image, name: str, mode: str | None = None) -> UInt8Array:
    """The pixels behind a header, in another mode if asked. Raises InvalidImage for a file that ends too early."""
    try:
        return np.array(header.convert(mode) if mode else header, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidImage(f"{name} cannot be read to its end ({error}); save or copy it again.") from error


def open_header(data: bytes, name: str) -> Image.Image:
    """Read format, size and mode, and no pixels yet. Raises UnsupportedImage, and InvalidImage beyond MAX_PIXELS."""
    try:
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(f"{name} is larger than {MAX_PIXELS:,} pixels; cut it into tiles.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise UnsupportedImage(f"{name} is no PNG, JPEG or WebP image; convert it to one of these.") from error
    if image.width * image.height > MAX_PIXELS:
        raise InvalidImage(
            f"{name} has {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}; cut it into tiles."
        )
    return image
