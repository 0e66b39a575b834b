from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from bpkd_core.data.pixels import decode_image, decode_mask
from bpkd_core.errors import InvalidImage, UnsupportedImage

GRADIENT = np.linspace(0, 255, 16 * 20 * 3).reshape(16, 20, 3).astype(np.uint8)


def encoded(image: Image.Image, form: str) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_every_png_mode_of_eight_bits_becomes_rgb(mode: str) -> None:
    # cameras and tools write all of these; the network takes three channels
    source = Image.fromarray(GRADIENT).convert(mode)
    image = decode_image(encoded(source, "PNG"), "x.png")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.array(source.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_jpeg_colour_space_becomes_rgb(mode: str) -> None:
    # grey and CMYK files take another path through the decoder than colour
    source = Image.fromarray(GRADIENT).convert(mode)
    image = decode_image(encoded(source, "JPEG"), "x.jpg").astype(int)
    assert image.shape == (16, 20, 3)
    assert np.abs(image - np.array(source.convert("RGB")).astype(int)).mean() < 12


def test_the_bytes_decide_the_format_not_the_name() -> None:
    # a PNG that somebody renamed to .jpg is still readable
    np.testing.assert_array_equal(decode_image(encoded(Image.fromarray(GRADIENT), "PNG"), "x.jpg"), GRADIENT)


def test_a_palette_mask_gives_its_indices_not_its_colours() -> None:
    # Pascal VOC and our own masks are palette files
    ids = np.arange(20, dtype=np.uint8).reshape(4, 5)
    mask = Image.fromarray(ids)
    mask.putpalette(list(range(255, -1, -1)) * 3)
    np.testing.assert_array_equal(decode_mask(encoded(mask, "PNG"), "x.png"), ids)


def test_a_bilevel_mask_counts_zero_and_one() -> None:
    # a binary data set saved with one bit a pixel must not become 0 and 255
    ids = np.array([[0, 1], [1, 0]], bool)
    np.testing.assert_array_equal(decode_mask(encoded(Image.fromarray(ids), "PNG"), "x.png"), ids.astype(np.uint8))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_image_is_refused(form: str) -> None:
    # half a picture with a grey lower half would train silently
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)), form)
    with pytest.raises(InvalidImage, match="street"):
        decode_image(data[: len(data) // 2], "street")


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(20), b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_unsupported(data: bytes) -> None:
    # the edge answers 415 for these and 422 for damaged images
    with pytest.raises(UnsupportedImage, match="PNG, JPEG or WebP"):
        decode_image(data, "x")


@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_sixteen_bits_are_refused(decode) -> None:
    # cutting them to eight bits would change ids and brightness without a word
    data = encoded(Image.fromarray(np.full((4, 4), 300, np.uint16)), "PNG")
    with pytest.raises(InvalidImage, match="I;16"):
        decode(data, "x.png")


def test_a_colour_mask_is_refused() -> None:
    # colours are not ids, and guessing which is which is worse than asking
    with pytest.raises(InvalidImage, match="mode RGB"):
        decode_mask(encoded(Image.fromarray(GRADIENT), "PNG"), "x.png")


@pytest.mark.parametrize("side", [8_001, 12_000, 50_000])
def test_a_huge_image_is_refused_from_its_header(side: int) -> None:
    # a few hundred bytes may claim gigabytes; nothing is decoded before the size is known
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(InvalidImage, match="64,000,000"):
        decode_image(data, "bomb.png")
