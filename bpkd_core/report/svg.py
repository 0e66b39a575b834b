"""The parts that charts are made of: elements whose text is escaped, round ticks, scales, a figure with its key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

COLOURS = 8  # classes s0 ... s7 of the style sheet


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """An element; text and values are escaped. A trailing underscore of a name is dropped, others are hyphens."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), written, Markup("").join(children))  # noqa: S704  # nosec B704  # our tags


def figure(
    marks: Iterable[Markup], title: str, size: tuple[int, float], names: Sequence[str], y_label: str = ""
) -> Markup:
    """The drawing, what it shows, and a key where there are several series."""
    box = {"viewBox": f"0 0 {size[0]} {px(size[1])}", "width": size[0], "height": px(size[1])}
    drawing = element("svg", element("title", title), *marks, role="img", **box)
    keys = [element("span", name, class_=f"key s{number % COLOURS}") for number, name in enumerate(names)]
    key = element("div", *keys, class_="keys") if len(keys) > 1 else Markup("")
    caption = element("figcaption", title, *([element("small", f" · {y_label}")] if y_label else []))
    return element("figure", caption, key, drawing, class_="chart")


def ticks(low: float, high: float, number: int = 5) -> list[float]:
    """Round numbers that cover low ... high, about `number` of them."""
    span = (high - low) or abs(high) or 1.0
    unit = 10 ** math.floor(math.log10(span / number))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= number)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 10) for index in range(first, last + 1)]


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values low ... high to coordinates start ... end."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def shorten(name: str) -> str:
    """What fits beside a chart; the whole name belongs into a hover title."""
    return name if len(name) <= 20 else f"{name[:19]}…"


def px(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough, and short."""
    return f"{value:.1f}".removesuffix(".0")
