from __future__ import annotations

from service.cli.sparkline import sparkline


def test_a_curve_rises_from_its_lowest_bar_to_its_highest() -> None:
    """The shape counts; the numbers stand beside it."""
    assert sparkline([0.0, 1.0, 2.0, 7.0], 10) == "▁▂▃█"


def test_a_long_curve_is_drawn_by_the_means_of_its_parts() -> None:
    """A day of losses fits into a line, and one spike does not fill it."""
    assert sparkline([4.0, 0.0, 4.0, 0.0, 9.0, 9.0], 3) == "▁▁█"


def test_a_flat_curve_and_none_at_all_are_drawn_too() -> None:
    """The first loss comes alone."""
    assert sparkline([3.0, 3.0], 5) == "▁▁"
    assert sparkline([], 5) == ""
