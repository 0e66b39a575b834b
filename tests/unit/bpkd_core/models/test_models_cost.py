"""Parameters and operations, as they stand in a report."""

from __future__ import annotations

import pytest
from fakes.specks import SpeckNet

from bpkd_core.models.cost import count_gflops, count_parameters


def test_parameters_are_those_that_are_served() -> None:
    """An auxiliary head is trained with and left out of the file."""
    net = SpeckNet(num_classes=3, width=8)
    stem, backbone, head = 8 * 3 * 9 + 8 + 16, 8 * 8 * 9 + 8 + 16, 8 * 3 + 3
    assert count_parameters(net) == stem + backbone + head


def test_operations_are_two_a_multiply_add() -> None:
    """The unit is the commonest cause of numbers that differ by two."""
    net = SpeckNet(num_classes=3, width=8)
    multiply_adds = 16 * 24 * 8 * 3 * 9 + 8 * 12 * 8 * 8 * 9 + 8 * 12 * 8 * 3
    assert count_gflops(net, (32, 48)) == pytest.approx(2 * multiply_adds / 1e9)
