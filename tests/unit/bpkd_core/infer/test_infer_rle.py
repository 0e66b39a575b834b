"""COCO's run lengths."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bpkd_core.infer import compress_rle, encode_rle


def decode_counts(counts: list[int], shape: tuple[int, int]) -> np.ndarray:
    values = np.repeat(np.arange(len(counts)) % 2, counts)
    return values.reshape(shape, order="F").astype(bool)


def decompress(text: str) -> list[int]:
    """As the COCO API's rleFrString reads it: groups of five bits, sign in the last, differences from the third on."""
    counts: list[int] = []
    number = shift = 0
    for character in text:
        bits = ord(character) - 48
        number |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            number -= (1 << shift) if bits & 16 else 0
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    return counts


def test_runs_go_down_the_columns_and_begin_outside() -> None:
    """COCO's order is not NumPy's; a reader of the wrong order sees noise."""
    mask = np.array([[7, 0, 0], [7, 7, 0]], np.uint8)
    assert encode_rle(mask, 7) == [0, 2, 1, 1, 2]
    assert encode_rle(mask, 0) == [2, 1, 1, 2]
    assert encode_rle(mask, 5) == [6]


def test_counts_are_compressed_as_the_format_says() -> None:
    """By hand: 6 is "6" and 1 is "1"; 40 is 8, with more to come, and 1; 3 is 2 more than 1; 36 is 4 less than 40."""
    assert compress_rle([6, 1, 40, 3, 36]) == "61X12L"


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)))
def test_decoding_gives_the_pixels_of_the_class(mask: np.ndarray) -> None:
    """Both forms hold the same mask, every shape and every class, absent ones too."""
    for class_id in range(4):
        counts = encode_rle(mask, class_id)
        assert sum(counts) == mask.size
        assert decompress(compress_rle(counts)) == counts
        np.testing.assert_array_equal(decode_counts(counts, mask.shape), mask == class_id)


@given(st.lists(st.integers(0, 2**31), max_size=30))
def test_any_counts_survive_compression(counts: list[int]) -> None:
    """Large images make long runs, and differences may be negative."""
    assert decompress(compress_rle(counts)) == counts
