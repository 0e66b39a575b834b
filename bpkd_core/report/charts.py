"""Lines, bars and heat maps as inline SVG. Colours come from the page's style sheet; every mark has a hover title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bpkd_core.report.svg import COLOURS, element, figure, px, scale, shorten, ticks
from bpkd_core.report.words import percent

WIDTH, HEIGHT = 600, 290
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 10, 36
MARKED_POINTS = 40  # more points are a line only
BAR, BAR_GAP, LABEL = 11, 8, 130
CELL = 30


@dataclass(frozen=True)
class Line:
    """One series; `lows` and `highs` draw a ribbon around it. None leaves a gap."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()


@dataclass(frozen=True)
class Bar:
    """One value with its interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


def line_chart(
    lines: Sequence[Line], *, title: str, x_label: str, y_label: str, say: Callable[[float], str] = percent
) -> Markup:
    """Series over a common axis. say: how a value is written."""
    ys = [y for line in lines for y in (*line.ys, *line.lows, *line.highs) if y is not None]
    xs = [x for line in lines for x in line.xs]
    if not ys:
        return Markup("")
    y_ticks, x_ticks = ticks(min(ys), max(ys)), ticks(min(xs), max(xs))
    across = scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = scale(min(y_ticks[0], *ys), max(y_ticks[-1], *ys), HEIGHT - BOTTOM, TOP)
    marks = [_ribbon(line, across, up, number) for number, line in enumerate(lines) if line.lows]
    marks += [_polyline(line, across, up, number, say) for number, line in enumerate(lines)]
    grid = [
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=px(up(y)), y2=px(up(y)), class_="grid")
        + element("text", say(y), x=LEFT - 6, y=px(up(y) + 4), text_anchor="end")
        for y in y_ticks
    ]
    grid += [
        element("text", f"{x:g}", x=px(across(x)), y=HEIGHT - BOTTOM + 16, text_anchor="middle")
        for x in x_ticks
        if min(xs) <= x <= max(xs)
    ]
    grid.append(element("text", x_label, x=WIDTH - RIGHT, y=HEIGHT - 4, text_anchor="end", class_="axis"))
    return figure([*grid, *marks], title, (WIDTH, HEIGHT), [line.name for line in lines], y_label)


def bar_chart(labels: Sequence[str], series: Sequence[tuple[str, Sequence[Bar]]], *, title: str) -> Markup:
    """Horizontal bars from 0 to 100 %, a group for each label, whiskers for intervals."""
    across = scale(0, 1, LABEL + 8, WIDTH - 50)
    group = len(series) * BAR + BAR_GAP
    height = len(labels) * group + 24
    marks = [
        element("line", x1=px(across(x)), x2=px(across(x)), y1=0, y2=height - 20, class_="grid")
        + element("text", percent(x), x=px(across(x)), y=height - 6, text_anchor="middle")
        for x in (0, 0.2, 0.4, 0.6, 0.8, 1)
    ]
    for row, label in enumerate(labels):
        top = row * group + BAR_GAP / 2
        middle = top + len(series) * BAR / 2 + 4
        marks.append(element("text", shorten(label), element("title", label), x=LABEL, y=px(middle), text_anchor="end"))
        marks += [
            _bar(bars[row], across, top + number * BAR, number, f"{label}, {name}")
            for number, (name, bars) in enumerate(series)
        ]
    return figure(marks, title, (WIDTH, height), [name for name, _ in series])


def heat_map(names: Sequence[str], counts: Sequence[Sequence[int]], *, title: str, row_of: str) -> Markup:
    """Pixels by true (rows) and predicted class; the colour of a cell is its share of the row. The diagonal is right.

    row_of: what the pixels of a row are, for the hover title.
    """
    left, top = LABEL, 110
    marks: list[Markup] = []
    for row, (name, cells) in enumerate(zip(names, counts, strict=True)):
        y, total = top + row * CELL, sum(cells)
        marks.append(element("text", shorten(name), x=left - 6, y=y + CELL / 2 + 4, text_anchor="end"))
        turn = f"translate({left + row * CELL + CELL / 2 + 4} {top - 6}) rotate(-55)"
        marks.append(element("text", shorten(name), transform=turn))
        for column, pixels in enumerate(cells):
            share = pixels / total if total else 0.0
            said = f"{name} called {names[column]}: {pixels:,} pixels, {percent(share)} % of the {row_of} of {name}"
            marks.append(_cell(left + column * CELL, y, share, said, right=row == column))
    side = len(names) * CELL
    return figure(marks, title, (left + side + 60, top + side + 4), [])


def _polyline(
    line: Line, across: Callable[[float], float], up: Callable[[float], float], number: int, say: Callable[[float], str]
) -> Markup:
    points = [(x, y) for x, y in zip(line.xs, line.ys, strict=True) if y is not None]
    path = " ".join(f"{px(across(x))},{px(up(y))}" for x, y in points)
    drawn = element("polyline", points=path, class_=f"line s{number % COLOURS}")
    if len(points) > MARKED_POINTS:
        return drawn
    dots = [
        element(
            "circle",
            element("title", f"{line.name} at {x:g}: {say(y)}"),
            cx=px(across(x)),
            cy=px(up(y)),
            r=3,
            class_=f"dot s{number % COLOURS}",
        )
        for x, y in points
    ]
    return drawn + Markup("").join(dots)


def _ribbon(line: Line, across: Callable[[float], float], up: Callable[[float], float], number: int) -> Markup:
    low = [(x, y) for x, y in zip(line.xs, line.lows, strict=True) if y is not None]
    high = [(x, y) for x, y in zip(line.xs, line.highs, strict=True) if y is not None]
    path = " ".join(f"{px(across(x))},{px(up(y))}" for x, y in [*low, *reversed(high)])
    return element("polygon", points=path, class_=f"ribbon s{number % COLOURS}")


def _bar(bar: Bar, across: Callable[[float], float], y: float, number: int, name: str) -> Markup:
    if bar.value is None:
        return element("text", "absent", x=across(0) + 4, y=px(y + BAR - 2), class_="small")
    start, end, middle = across(0), across(bar.value), y + BAR / 2
    has_interval = bar.low is not None and bar.high is not None
    said = f"{name}: {percent(bar.value)}" + (f" ({percent(bar.low)} to {percent(bar.high)})" if has_interval else "")
    size = {"x": start, "y": px(y), "width": px(max(end - start, 0.5)), "height": BAR - 1}
    drawn = element("rect", element("title", said), class_=f"bar s{number % COLOURS}", **size)
    right = end
    if bar.low is not None and bar.high is not None:
        right = across(bar.high)
        whisker = {"x1": px(across(bar.low)), "x2": px(right), "y1": px(middle), "y2": px(middle)}
        drawn += element("line", class_="whisker", **whisker)
    return drawn + element("text", percent(bar.value), x=px(right + 4), y=px(y + BAR - 2), class_="small")


def _cell(x: int, y: int, share: float, said: str, *, right: bool) -> Markup:
    kind, middle = ("right" if right else "wrong"), {"x": x + CELL / 2, "y": y + CELL / 2 + 4}
    box = element(
        "rect",
        element("title", said),
        x=x + 1,
        y=y + 1,
        width=CELL - 2,
        height=CELL - 2,
        class_=f"cell {kind}",
        fill_opacity=round(0.06 + 0.94 * min(1, share if right else 2 * share), 3),
    )
    if share < 0.01:
        return box
    dark = share > (0.6 if right else 0.3)
    return box + element(
        "text", f"{100 * share:.0f}", text_anchor="middle", class_="on" if dark else "cellnumber", **middle
    )
