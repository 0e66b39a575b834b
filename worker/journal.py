"""The log of a job, as a file that grows while its trainer speaks and that every next attempt goes on with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bpkd_core.events import Event
from service.domain.logs import FILE, log_line

MAX_BYTES = 16 << 20
"""A log does not grow beyond this: a trainer gone wild must not fill the disk."""
STDERR_BYTES = 64 << 10
"""How much of the end of an attempt's standard error goes in."""
TAIL_LINES = 30
TAIL_CHARACTERS = 4000


class Journal:
    """What one attempt adds to the log. stderr: the file that the trainer's standard error is appended to."""

    def __init__(
        self, folder: Path, stderr: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = folder / FILE
        self._stderr, self._clock = stderr, clock
        self._begun_at = stderr.stat().st_size if stderr.exists() else 0  # earlier attempts wrote what is there

    def write(self, event: Event) -> None:
        """Add an event, if it is of a kind that a log tells of."""
        line = log_line(event.type, event.data, self._clock())
        if line is not None:
            self._append(line)

    def close(self, reason: str) -> None:
        """The attempt is over: why, and what it wrote to standard error, which cannot be told apart by time."""
        for line in _end_of(self._stderr, self._begun_at):
            self._append(f"| {line}")
        self.write(Event("log", {"message": f"the attempt ended: {reason}"}))

    def tail(self) -> str:
        """The last lines, for who has no time to read the rest."""
        if not self.path.exists():
            return ""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, TAIL_LINES))[-TAIL_CHARACTERS:]

    def _append(self, line: str) -> None:
        with suppress(OSError), self.path.open("a", encoding="utf-8", errors="replace") as file:  # a full disk, say
            if file.tell() < MAX_BYTES:
                file.write(line + "\n")


def _end_of(path: Path, start: int) -> list[str]:
    """The lines behind a place in a file, the last of them only if there are many; control characters are left out."""
    if not path.exists():
        return []
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(start if start <= size else 0, size - STDERR_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = ("".join(sign for sign in line if sign.isprintable() or sign == "\t") for line in text.split("\n"))
    return [line for line in lines if line.strip()]
