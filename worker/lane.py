"""What a lane of the worker is: one kind of work, one piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar


class Held(Protocol):
    """A claimed record."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


T = TypeVar("T", bound=Held)


class Lane(Protocol[T]):
    """A kind of work that can be claimed, done, and given back."""

    def claim(self, owner: str) -> T | None:
        """Take a piece, if there is one."""
        ...

    def work(self, held: T, draining: Callable[[], bool]) -> None:
        """Do it. `draining` says whether the worker shuts down. Raises FenceLost when it is somebody else's by now."""
        ...

    def give_back(self, held: T, reason: str) -> None:
        """Let it be tried again, and count the attempt: it may be the work itself that went wrong."""
        ...

    def hand_on(self, held: T) -> None:
        """Let another worker do it, and count nothing: it was this worker that could not go on."""
        ...
