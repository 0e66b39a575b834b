"""Where words go: answers to standard output, progress and errors to standard error, JSON as one line of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

PLAIN_WIDTH = 120  # of tables in a pipe or a file, where no terminal says how wide it is

Tell = Callable[[int, int], None]
"""Called as (done, total)."""


def console(*, stderr: bool = False) -> Console:
    """A Rich console that leaves words as they are: no wrapping of lines, no colours where they mean nothing."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, highlight=False, markup=False, soft_wrap=True, width=None if stream.isatty() else PLAIN_WIDTH
    )


def write_json(data: Any) -> None:
    """One line of JSON on standard output."""
    plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    sys.stdout.write(json.dumps(plain, ensure_ascii=False) + "\n")


def write(data: Any, drawing: RenderableType, *, as_json: bool) -> None:
    """The answer of a command: as JSON, or drawn for people."""
    if as_json:
        write_json(data)
    else:
        console().print(drawing, soft_wrap=isinstance(drawing, str))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Rows for people. Where the room is short an id is the last to be broken: it is what one copies."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        drawn.add_column(name, overflow="fold", no_wrap=name == "id")
    for row in rows:
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    return drawn


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair a line; values that are None are left out."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs.items():
        if value is not None:
            drawn.add_row(name, str(value))
    return drawn


def minutes(seconds: float) -> str:
    """`4:05`, and `1:04:05` from an hour on."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def percent(value: float | None) -> str:
    """`47.1 %`; a dash for what is undefined."""
    return "-" if value is None else f"{100 * value:.1f} %"


def when(moment: datetime) -> str:
    """`2026-11-20 21:14`, in this machine's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def short(path: Path) -> str:
    """The path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@contextmanager
def task(screen: Console, doing: str, done: str = "") -> Iterator[Tell]:
    """Say what is being done and, at its end, that it is done and how long it took.

    Gives a function to report counts to; a terminal shows them as a bar, anything else gets the two lines only.
    """
    start = time.monotonic()
    if screen.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(30),
            TextColumn("{task.percentage:>3.0f} %"),
        )
        with Progress(*columns, console=screen, transient=True) as progress:
            bar = progress.add_task(doing, total=None)
            yield lambda count, total: progress.update(bar, completed=count, total=total)
    else:
        screen.print(f"{doing} ...")
        yield lambda _count, _total: None
    screen.print(f"✓ {done or doing} ({minutes(time.monotonic() - start)})")
