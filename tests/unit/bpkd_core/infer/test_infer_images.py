"""Image bytes from strangers."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from bpkd_core.errors import InvalidImage, UnsupportedImage
from bpkd_core.infer import decode_image
from bpkd_core.infer.headers import read_orientation

PIXELS = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
SMOOTH = np.kron(PIXELS[:4, :5], np.ones((16, 16, 1))).astype(np.uint8)


def encoded(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def converted(mode: str) -> Image.Image:
    return Image.fromarray(PIXELS).convert(mode)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A PNG of these dimensions and almost no bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


PNG, JPEG = encoded(PIXELS, "PNG"), encoded(SMOOTH, "JPEG")
LOSSY, LOSSLESS = encoded(SMOOTH, "WEBP"), encoded(PIXELS, "WEBP", lossless=True)
EXTENDED = encoded(converted("RGBA"), "WEBP", lossless=True, exif=b"Exif\0\0II*\0")
FILES = [PNG, JPEG, LOSSY, LOSSLESS, EXTENDED]


@pytest.mark.parametrize("data", [PNG, LOSSLESS])
def test_lossless_files_give_the_pixels_that_were_saved(data: bytes) -> None:
    """RGB order, no resampling, no gamma."""
    np.testing.assert_array_equal(decode_image(data), PIXELS)


@pytest.mark.parametrize("data", [JPEG, LOSSY])
def test_lossy_files_give_nearly_the_pixels_that_were_saved(data: bytes) -> None:
    """Channels in the wrong order would be far off."""
    image = decode_image(data)
    assert image.shape == SMOOTH.shape
    assert np.abs(image.astype(int) - SMOOTH).mean() < 12


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA"])
def test_every_kind_of_png_becomes_rgb(mode: str) -> None:
    """Screenshots have alpha, scans are grey; alpha is dropped and the colours under it stay."""
    image = converted(mode)
    np.testing.assert_array_equal(decode_image(encoded(image, "PNG")), np.asarray(image.convert("RGB")))


def test_transparent_palette_images_are_read() -> None:
    """Pillow warns of these, and a warning in a server is noise."""
    image = converted("P")
    np.testing.assert_array_equal(
        decode_image(encoded(image, "PNG", transparency=bytes(9))), np.asarray(image.convert("RGB"))
    )


def test_sixteen_bits_become_the_upper_eight() -> None:
    """Pillow's own conversion clips everything above 255 to white."""
    levels = np.array([[0, 255, 256, 40_000, 65_535]], np.uint16)
    assert decode_image(encoded(levels, "PNG"))[0, :, 0].tolist() == [0, 0, 1, 156, 255]


def test_grey_and_cmyk_jpeg_become_rgb() -> None:
    """Printers' files are CMYK."""
    for mode in ("L", "CMYK"):
        image = Image.fromarray(SMOOTH).convert(mode)
        expected = np.asarray(image.convert("RGB")).astype(int)
        found = decode_image(encoded(image, "JPEG", quality=95))
        assert np.abs(found - expected).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    """A phone's upright photo is stored lying; the mask must lie on what people see."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PIXELS, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    image = decode_image(data)
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, np.asarray(upright))


@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_a_damaged_exif_block_means_upright(block: bytes, start: bytes) -> None:
    """An image is not refused for its metadata."""
    assert read_orientation(start + block) in range(1, 9)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str) -> None:
    """A mask of the first frame would pass over the others in silence."""
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    with pytest.raises(UnsupportedImage, match="animated"):
        decode_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%PDF-1.7", encoded(PIXELS, "GIF"), encoded(PIXELS, "BMP"), encoded(PIXELS, "TIFF")]
)
def test_what_is_no_png_jpeg_or_webp_is_unsupported(data: bytes) -> None:
    """Whatever the name or the content type says, and however many formats Pillow knows."""
    with pytest.raises(UnsupportedImage, match="PNG, JPEG or WebP"):
        decode_image(data)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (65_536, 1), (0, 5), (5, 0), (0x7FFFFFFF, 0x7FFFFFFF)])
def test_a_size_is_refused_before_anything_is_decoded(width: int, height: int) -> None:
    """A file of 70 bytes may announce 7 gigabytes, and a line of pixels is padded to many lines."""
    with pytest.raises(InvalidImage, match=f"{width} x {height} pixels"):
        decode_image(bomb(width, height))


@pytest.mark.parametrize("data", FILES)
def test_the_cap_on_pixels_is_the_callers(data: bytes) -> None:
    """A small server takes small images, of every format."""
    height, width, _ = decode_image(data).shape
    assert decode_image(data, max_pixels=height * width).shape == (height, width, 3)
    with pytest.raises(InvalidImage, match="pixels"):
        decode_image(data, max_pixels=height * width - 1)


def test_a_second_size_hidden_in_the_file_is_refused() -> None:
    """Pillow believes the last header, and the cap was checked on the first."""
    small = bomb(4, 4)
    hidden = chunk(b"IHDR", struct.pack(">IIBBBBB", 8000, 8000, 8, 2, 0, 0, 0))
    with pytest.raises(InvalidImage):
        decode_image(small[:33] + hidden + small[33:])


@pytest.mark.parametrize("data", FILES, ids=["png", "jpeg", "lossy", "lossless", "extended"])
def test_a_truncated_file_is_refused_wherever_it_ends(data: bytes) -> None:
    """Half an image would get half a mask, and the rest would be grey."""
    for end in range(len(data) - 1):
        with pytest.raises(InvalidImage):
            decode_image(data[:end])


@pytest.mark.parametrize("kind", [b"VP8 ", b"VP8L", b"VP8X", b""])
@pytest.mark.parametrize("length", range(16))
def test_a_webp_header_that_ends_early_and_says_so_is_refused(kind: bytes, length: int) -> None:
    """A file may announce the few bytes that it has: then nothing is missing but the header."""
    content = b"WEBP" + kind + bytes(length)
    with pytest.raises(InvalidImage):
        decode_image(b"RIFF" + struct.pack("<I", len(content)) + content)


@settings(deadline=None, max_examples=300)
@given(
    data=st.sampled_from(FILES),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_mutated_file_decodes_or_is_refused(data: bytes, edits: list[tuple[int, int]]) -> None:
    """Nothing but our own errors and no warnings may come out of the decoders."""
    mutated = bytearray(data)
    for position, value in edits:
        mutated[position % len(data)] = value
    with suppress(InvalidImage):
        image = decode_image(bytes(mutated))
        assert (image.dtype, image.shape[2]) == (np.uint8, 3)
