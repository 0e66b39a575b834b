"""What a store does so that it does not grow for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Upkeep(Protocol):
    """The store's own chores. Each may run beside everything else, and may be cut off at any point."""

    def take(self, chore: str, *, every_s: float) -> bool:
        """Whether a chore is due and the caller's: of all processes that ask, one gets it, once in `every_s`."""
        ...

    def named_artifacts(self) -> Iterator[str]:
        """The hashes that records hold; one may come more than once, and some are of something else."""
        ...

    def thin_events(self, *, keep: int) -> int:
        """Leave every job about `keep` metrics and logs, evenly spread, the newest among them; how many went.

        Events of other types stay, and so do the numbers of those that are left.
        """
        ...

    def forget(self) -> int:
        """Delete answers whose Idempotency-Key has run out, and workers not seen for a day; how many went."""
        ...
