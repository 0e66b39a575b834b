from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bpkd_core.cells import Cells, slide

SIZES = [(16, 24), (4, 8), (5, 7), (16, 5), (20, 30), (1, 1)]


@pytest.mark.parametrize("size_hw", SIZES)
def test_shares_are_those_of_adaptive_pooling(size_hw: tuple[int, int]) -> None:
    """Bit for bit, whether sizes divide, overlap, or ask for more cells than pixels: masks are compared with equal."""
    image = np.random.default_rng(0).random((2, 16, 24)) < 0.6
    cells = Cells((16, 24), size_hw)
    counts = cells.count(cells.split(image, False))
    shares = cells.share(counts.ravel(), np.arange(counts.size) % cells.number)
    pooled = F.adaptive_avg_pool2d(torch.from_numpy(image).float(), size_hw)
    np.testing.assert_array_equal(shares.reshape(counts.shape), pooled.numpy())


@pytest.mark.parametrize("size_hw", SIZES)
def test_the_least_and_the_most_of_a_cell_leave_the_filling_out(size_hw: tuple[int, int]) -> None:
    """A filled pixel that counted would be a label that nobody drew."""
    image = np.random.default_rng(0).integers(1, 200, (2, 16, 24), dtype=np.uint8)
    cells, floats = Cells((16, 24), size_hw), torch.from_numpy(image).float()
    largest, smallest = F.adaptive_max_pool2d(floats, size_hw), -F.adaptive_max_pool2d(-floats, size_hw)
    np.testing.assert_array_equal(cells.most(cells.split(image, 0)), largest.numpy())
    np.testing.assert_array_equal(cells.least(cells.split(image, 255)), smallest.numpy())


@pytest.mark.parametrize("width", [1, 3, 5, 7, 21])
def test_a_sliding_maximum_is_that_of_every_window(width: int) -> None:
    """Doubling spans must end at the width and not beyond it, and no row may reach into the next."""
    image = np.random.default_rng(0).integers(0, 255, (2, 30, 25), dtype=np.uint8)
    windows = slide(image, width, (1, 2), np.maximum)[:, : 31 - width, : 26 - width]
    pooled = F.max_pool2d(torch.from_numpy(image).float(), width, stride=1)
    np.testing.assert_array_equal(windows, pooled.numpy())
