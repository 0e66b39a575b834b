"""Distances on label maps, against loops that look at every pair of pixels."""

import numpy as np
import pytest

from bpkd_core.metrics.geometry import border_distance, class_distance, within_frame

VOID = 5


def random_labels(seed, shape=(9, 12)):
    """Blocky maps with void, so that windows are pure, impure and empty."""
    rng = np.random.default_rng(seed)
    blocks = rng.choice([0, 1, 2, 3, 4, VOID], size=(4, 4), p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.2])
    labels = np.kron(blocks, np.ones((3, 3), int))[: shape[0], : shape[1]]
    labels[rng.integers(shape[0]), rng.integers(shape[1])] = rng.integers(VOID + 1)
    return labels.astype(np.int8)


def chebyshev(place, places):
    return min((max(abs(place[0] - y), abs(place[1] - x)) for y, x in places), default=10_000)


def slow_border_distance(labels, limit_px):
    places = [tuple(place) for place in np.argwhere(labels != VOID)]
    distance = np.full(labels.shape, limit_px + 1)
    for place in places:
        others = [other for other in places if labels[other] != labels[place]]
        distance[place] = min(limit_px + 1, chebyshev(place, others))
    return distance


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limit_px", [1, 3, 20])
def test_border_distance_is_that_to_the_nearest_pixel_of_another_class(seed, limit_px):
    """Every boundary measure stands on this map."""
    labels = random_labels(seed)
    found = border_distance(labels, void=VOID, limit_px=limit_px)
    np.testing.assert_array_equal(found, slow_border_distance(labels, limit_px))


def test_border_distance_of_a_straight_border_counts_from_one_on_both_sides():
    """The pixels that touch are 1 px from the border, not 0; bands have equal width on either side."""
    labels = np.array([[0, 0, 0, 1, 1, 1]], np.int8)
    assert border_distance(labels, void=2, limit_px=2).tolist() == [[3, 2, 1, 1, 2, 3]]


def test_border_distance_looks_through_void_and_stops_at_no_frame():
    """Void is transparent: it makes no border of its own, and a class behind it is still near."""
    labels = np.array([[0, 2, 1, 2, 2]], np.int8)
    assert border_distance(labels, void=2, limit_px=3).tolist() == [[2, 4, 2, 4, 4]]


@pytest.mark.parametrize("void", [VOID, 100])
@pytest.mark.parametrize("seed", range(4))
def test_class_distance_is_that_to_the_nearest_pixel_of_the_same_class(seed, void):
    """A contour is matched within its class only; 100 classes need two words of bits."""
    if void == VOID:
        source, target = random_labels(seed), random_labels(seed + 50)
    else:
        rng = np.random.default_rng(seed)
        source, target = (rng.integers(0, void + 1, (14, 15)).astype(np.int8) for _ in range(2))
    labels, distances = class_distance(source, target, void=void, limit_px=4)
    places = np.argwhere(source != void)
    assert labels.tolist() == [source[tuple(place)] for place in places]
    expected = [chebyshev(place, np.argwhere(target == source[tuple(place)])) for place in places]
    assert distances.tolist() == [min(5, max(1, distance)) for distance in expected]


def test_within_frame_adds_the_outer_pixels_and_keeps_the_band():
    """Boundary IoU counts the frame as a contour; an image smaller than two widths is all band."""
    band = np.zeros((5, 6), bool)
    band[2, 2] = True
    framed = within_frame(band, 1)
    assert framed[2].tolist() == [True, False, True, False, False, True]
    assert framed[[0, -1]].all()
    assert framed[1:4, 1:5].sum() == 1
    assert within_frame(band, 3).all()
