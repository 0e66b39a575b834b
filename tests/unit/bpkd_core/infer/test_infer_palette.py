"""Class ids as colours."""

from __future__ import annotations

import numpy as np
import pytest

from bpkd_core.infer import colourise, default_palette, overlay

PALETTE = [(255, 0, 0), (0, 200, 100)]


def test_colours_of_a_palette_are_distinct_and_stay_when_classes_are_added() -> None:
    """Two classes of one colour cannot be told apart, and a class should not change its colour between reports."""
    palette = default_palette(255)
    assert len(set(palette)) == 255
    assert default_palette(19) == palette[:19]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_each_id_takes_its_colour_and_ids_without_one_are_black(dtype: type) -> None:
    """255 marks pixels without a label in every dataset."""
    mask = np.array([[0, 1], [255, 1]], dtype)
    assert colourise(mask, PALETTE).tolist() == [[[255, 0, 0], [0, 200, 100]], [[0, 0, 0], [0, 200, 100]]]


@pytest.mark.parametrize(("alpha", "red"), [(0.0, 100), (0.5, 177), (1.0, 255)])
def test_an_overlay_weighs_image_and_colours(alpha: float, red: int) -> None:
    """At 0 the image is untouched and at 1 only the mask is seen; nothing overflows in between."""
    image = np.full((2, 3, 3), 100, np.uint8)
    mixed = overlay(image, np.zeros((2, 3), np.uint8), PALETTE, alpha)
    assert mixed.dtype == np.uint8
    assert mixed[0, 0, 0] == red
