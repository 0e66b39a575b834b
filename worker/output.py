"""A child's output, cut into lines of bounded length."""

from __future__ import annotations

from pathlib import Path

MAX_LINE_BYTES = 1 << 20
"""A longer line is dropped: the largest event, a result with hundreds of classes, has some 100 kB."""

_TAIL_BYTES = 4096
_MAX_WORDS = 300


class Lines:
    """Bytes in, whole lines out. An unfinished line is kept up to a limit and dropped as a whole beyond it."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest = b""
        self._too_long = False

    def feed(self, block: bytes) -> list[str]:
        """The lines that `block` completes, without those that are too long. Bytes that are no UTF-8 are replaced."""
        *ends, rest = block.split(b"\n")
        lines: list[bytes] = []
        for end in ends:
            if self._fits(end):
                lines.append(self._rest + end)
            self._rest, self._too_long = b"", False
        if self._fits(rest):
            self._rest += rest
        return [line.decode("utf-8", "replace") for line in lines]

    def _fits(self, part: bytes) -> bool:
        if len(self._rest) + len(part) > self._limit:
            self._rest, self._too_long = b"", True
        return not self._too_long


def last_line(log: Path) -> str:
    """The last words in a log, without control characters, for a message; empty if there are none."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").split("\n")
    words = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return "".join(sign for sign in words if sign.isprintable())[-_MAX_WORDS:]
