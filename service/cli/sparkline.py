"""A curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """`█▆▅▃▂▂▁`: the means of at most `width` equal parts, between their least and greatest; finite values only."""
    parts = min(width, len(values))
    means = [_mean(values[part * len(values) // parts : (part + 1) * len(values) // parts]) for part in range(parts)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    step = (high - low) / (len(BARS) - 1)
    return "".join(BARS[round((mean - low) / step) if step else 0] for mean in means)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
