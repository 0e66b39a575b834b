from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bpkd_core.cells import Cells, slide

CPU = torch.device("cpu")
SIZES = [(16, 24), (4, 8), (5, 7), (16, 5), (20, 30), (1, 1)]


@pytest.mark.parametrize("size_hw", SIZES)
def test_shares_are_those_of_adaptive_pooling(size_hw: tuple[int, int]) -> None:
    """Bit for bit, whether sizes divide, overlap, or ask for more cells than pixels: masks are compared with equal."""
    image = torch.rand(2, 16, 24, generator=torch.Generator().manual_seed(0)) < 0.6
    cells = Cells((16, 24), size_hw, CPU)
    counts = cells.count(cells.split(image, False))
    shares = cells.share(counts.flatten(), torch.arange(counts.numel()) % cells.number)
    assert torch.equal(shares.view_as(counts), F.adaptive_avg_pool2d(image.float(), size_hw))


@pytest.mark.parametrize("size_hw", SIZES)
def test_the_least_and_the_most_of_a_cell_leave_the_filling_out(size_hw: tuple[int, int]) -> None:
    """A filled pixel that counted would be a label that nobody drew."""
    image = torch.randint(1, 200, (2, 16, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    cells = Cells((16, 24), size_hw, CPU)
    largest = F.adaptive_max_pool2d(image.float(), size_hw)
    smallest = -F.adaptive_max_pool2d(-image.float(), size_hw)
    assert torch.equal(cells.most(cells.split(image, 0)).float(), largest)
    assert torch.equal(cells.least(cells.split(image, 255)).float(), smallest)


@pytest.mark.parametrize("width", [1, 3, 5, 7, 21])
def test_a_sliding_maximum_is_that_of_every_window(width: int) -> None:
    """Doubling spans must end at the width and not beyond it."""
    image = torch.randint(0, 255, (1, 30, 25), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert torch.equal(slide(image, width, (1, 2), torch.maximum).float(), F.max_pool2d(image.float(), width, stride=1))
