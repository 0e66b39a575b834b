"""Which of a file's classes is which of ours, from counts alone."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from bpkd_core.foreign.order import assign, best_order, count_pairs, likely_map, mean_overlap, overlaps


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_assignment_is_the_cheapest_of_all(size: int) -> None:
    """Compared with every permutation; a greedy choice fails on most of these matrices."""
    rng = np.random.default_rng(size)
    for _ in range(20):
        cost = rng.normal(size=(size, size)).round(1)
        found = assign(cost)
        cheapest = min(cost[range(size), order].sum() for order in permutations(range(size)))
        assert sorted(found) == list(range(size))
        assert cost[range(size), found].sum() == pytest.approx(cheapest)


def test_a_hundred_and_fifty_classes_in_any_order_are_put_right() -> None:
    """ADE20K's number; the search must not be one over permutations."""
    order = np.random.default_rng(0).permutation(150)
    counts = np.zeros((150, 150), np.int64)
    counts[order, np.arange(150)] = 10
    assert np.array_equal(best_order(counts), order)
    assert mean_overlap(counts, order) == 1.0


def test_what_nothing_speaks_about_keeps_its_place() -> None:
    """Classes that the sample does not show must not be shuffled by the way."""
    counts = np.zeros((4, 4), np.int64)
    counts[1, 0] = counts[0, 1] = 5
    assert best_order(counts).tolist() == [1, 0, 2, 3]


def test_pairs_are_counted_at_the_centres_of_cells_without_void_and_padding() -> None:
    """Against a loop over cells: 2x3 cells over 8x12 pixels, of which the image has 7x10."""
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(3, 2, 3)).astype(np.float32), rng.integers(0, 4, (7, 10)).astype(np.uint8)
    labels[labels == 3] = 255
    expected = np.zeros((3, 3), np.int64)
    for row in range(2):
        for column in range(3):
            y, x = int((row + 0.5) * 8 / 2), int((column + 0.5) * 12 / 3)
            if y < 7 and x < 10 and labels[y, x] != 255:
                expected[scores[:, row, column].argmax(), labels[y, x]] += 1
    assert np.array_equal(count_pairs(scores, labels, (8, 12), 3), expected)
    assert expected.sum() > 2


def test_overlaps_are_intersections_over_unions() -> None:
    """By hand: class 0 is said on 3 pixels and is 4, of which 2 are the same."""
    counts = np.array([[2, 1], [2, 5]])
    assert overlaps(counts) == pytest.approx(np.array([[2 / 5, 1 / 8], [2 / 9, 5 / 8]]))
    assert mean_overlap(counts) == pytest.approx((2 / 5 + 5 / 8) / 2)


def test_an_absent_class_is_no_part_of_the_mean() -> None:
    """As in every mIoU of this library."""
    assert mean_overlap(np.array([[4, 0], [0, 0]])) == 1.0
    assert mean_overlap(np.zeros((2, 2), np.int64)) == 0.0


def test_several_classes_of_a_file_may_lie_on_one_of_ours() -> None:
    """What is suggested for a file of more classes; a class that is never said has no place."""
    assert likely_map(np.array([[9, 1], [8, 0], [1, 7], [0, 0]])) == {0: 0, 1: 0, 2: 1}
