"""An upload as a value: what a request sends of it, what is held so far, and what is complete.

It belongs to the record whose id names it, grows in one file from its first byte to its last, and survives the loss of
every process and connection in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEAD_S = 24 * 3600.0
"""An upload that has not grown for so long is given up and swept."""


@dataclass(frozen=True)
class Piece:
    """What one request sends: `size` bytes from byte `first` on, of `total`.

    size, total: None where the end of the body says it. A piece of no bytes asks where the upload stands.
    """

    first: int = 0
    size: int | None = None
    total: int | None = None

    @property
    def asks(self) -> bool:
        """Whether it carries nothing and only asks how much is held."""
        return self.size == 0


@dataclass(frozen=True)
class Partial:
    """Not everything has come yet. held: bytes from the start. total: of the whole, None if nobody said."""

    held: int
    total: int | None


@dataclass(frozen=True)
class Received:
    """Everything has come and is on the disk. Whoever asked for it moves the file away, or deletes it."""

    path: Path
    size: int
    sha256: str
