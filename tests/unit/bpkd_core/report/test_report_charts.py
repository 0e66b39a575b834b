"""Charts as SVG: what is drawn where, and that names stay data."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from bpkd_core.report.charts import Bar, Line, bar_chart, heat_map, line_chart
from bpkd_core.report.svg import element, ticks

EVIL = "<script>alert('&')</script>\""


def parsed(markup: str) -> ElementTree.Element:
    """Well-formed, or this raises."""
    return ElementTree.fromstring(markup)


def titles(markup: str) -> list[str]:
    return [each.text or "" for each in parsed(markup).iter("title")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.21, 0.69, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        (0, 900, [0, 200, 400, 600, 800, 1000]),
        (1, 20, [0, 5, 10, 15, 20]),
        (0.5, 0.5, [0.5]),
        (0, 0, [0]),
        (-3, 4, [-4, -2, 0, 2, 4]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low: float, high: float, expected: list[float]) -> None:
    """1, 2 or 5 times a power of ten, also where there is one value only."""
    assert ticks(low, high) == expected


def test_a_line_goes_through_its_points_in_proportion() -> None:
    """Three points in a row at equal distance, the middle one half-way up."""
    markup = line_chart([Line("a", [0, 5, 10], [0.2, 0.4, 0.6])], title="t", x_label="x", y_label="%")
    (path,) = [each.get("points", "") for each in parsed(markup).iter("polyline")]
    (x0, y0), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in path.split())
    assert (x0 + x2) / 2 == pytest.approx(x1, abs=0.1)
    assert (y0 + y2) / 2 == pytest.approx(y1, abs=0.1)
    assert x0 < x1 < x2
    assert y0 > y1 > y2  # SVG counts downwards
    assert titles(markup)[1:] == ["a at 0: 20.0", "a at 5: 40.0", "a at 10: 60.0"]


def test_a_value_that_is_undefined_is_left_out() -> None:
    """A band without a pixel has no mIoU; zero would be a lie."""
    markup = line_chart([Line("a", [1, 2, 3], [None, 0.4, 0.6])], title="t", x_label="x", y_label="%")
    assert len(list(parsed(markup).iter("circle"))) == 2
    assert line_chart([Line("a", [1], [None])], title="t", x_label="x", y_label="%") == ""


def test_a_line_of_many_points_has_no_marks() -> None:
    """Three hundred circles say nothing and weigh much."""
    markup = line_chart([Line("a", range(300), [0.5] * 300)], title="t", x_label="x", y_label="%")
    assert not list(parsed(markup).iter("circle"))


def test_bars_are_as_long_as_their_values() -> None:
    """A bar of 80 % is twice as long as one of 40 %; an absent class says so."""
    markup = bar_chart(["road", "car", "bus"], [("ours", [Bar(0.8, 0.7, 0.9), Bar(0.4), Bar(None)])], title="t")
    widths = [float(each.get("width", "")) for each in parsed(markup).iter("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)
    assert len(widths) == 2
    assert "ours: 80.0 (70.0 to 90.0)" in titles(markup)[2]
    assert "absent" in markup


def test_a_heat_map_shows_each_cell_as_its_share_of_the_row() -> None:
    """A class of few pixels is as visible as one of many."""
    markup = heat_map(["road", "car"], [[75, 25], [0, 4]], title="t", row_of="edge pixels")
    assert "road called car: 25 pixels, 25.0 % of the edge pixels of road" in titles(markup)
    assert [each.get("class") for each in parsed(markup).iter("rect")] == [
        "cell right",
        "cell wrong",
        "cell wrong",
        "cell right",
    ]
    assert re.findall(r">(\d+)</text>", markup) == ["75", "25", "100"]


def test_a_class_that_is_nowhere_gives_an_empty_row() -> None:
    """No division by zero."""
    assert "car called car: 0 pixels, 0.0 %" in heat_map(["road", "car"], [[1, 0], [0, 0]], title="t", row_of="pixels")


@pytest.mark.parametrize(
    "markup",
    [
        line_chart([Line(EVIL, [1], [0.5]), Line("b", [1], [0.5])], title=EVIL, x_label=EVIL, y_label=EVIL),
        bar_chart([EVIL], [(EVIL, [Bar(0.5)])], title=EVIL),
        heat_map([EVIL], [[1]], title=EVIL, row_of=EVIL),
        element("text", EVIL, fill=EVIL),
    ],
)
def test_names_are_data(markup: str) -> None:
    """A class may be called anything; the page is opened in a browser."""
    assert "<script" not in markup
    assert EVIL in "".join(parsed(markup).itertext())
