"""Masks as PNG files."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bpkd_core.infer import default_palette, encode_png


def decoded(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@settings(deadline=None, max_examples=50)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    wide=st.booleans(),
    coarse=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_another_decoder_reads_the_ids_that_were_written(
    height: int, width: int, wide: bool, coarse: bool, seed: int
) -> None:
    """The file is written by our own code and read by everybody else's."""
    rng = np.random.default_rng(seed)
    highest = 3 if coarse else (65536 if wide else 256)
    mask = rng.integers(0, highest, (height, width)).astype(np.uint16 if wide else np.uint8)
    image = decoded(encode_png(mask, default_palette(11)))
    np.testing.assert_array_equal(np.asarray(image), mask)


def test_the_palette_travels_with_an_8_bit_mask() -> None:
    """Opened in any viewer, a mask shows its classes; ids beyond the palette are black and the file stays valid."""
    palette = [(1, 2, 3), (250, 128, 7)]
    image = decoded(encode_png(np.array([[0, 1, 255]], np.uint8), palette))
    assert image.mode == "P"
    assert np.asarray(image.convert("RGB")).tolist() == [[[1, 2, 3], [250, 128, 7], [0, 0, 0]]]


def test_a_mask_of_large_regions_is_small() -> None:
    """Runs are what the encoder is made for: a street mask may not cost more to send than to compute."""
    mask = np.kron(np.arange(48).reshape(6, 8), np.ones((60, 60))).astype(np.uint8)
    assert len(encode_png(mask, default_palette(48))) < mask.size / 100


def test_a_view_is_encoded_like_its_copy() -> None:
    """Cropped masks are not contiguous in memory."""
    mask = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert encode_png(mask[::2, 3:9], []) == encode_png(mask[::2, 3:9].copy(), [])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_pixel_is_an_image(dtype: type) -> None:
    """The smallest mask that can be served."""
    assert np.asarray(decoded(encode_png(np.full((1, 1), 7, dtype), default_palette(8)))).item() == 7
