"""Uploads, as files that grow."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from service.domain.uploads import Received


class Growing(Protocol):
    """An upload that this process alone may write to, until it is closed."""

    def write(self, data: bytes) -> None:
        """Append. Raises StorageFull, and keeps what was written before."""
        ...

    def finish(self) -> Received:
        """Everything has come: make it durable and hash it. It is then out of the way of a next upload of this id."""
        ...

    def close(self) -> None:
        """Let go; what was written stays. Safe to repeat."""
        ...


class Uploads(Protocol):
    """Uploads by the id of the record that they belong to. Ids are the server's own, never a caller's words."""

    def held(self, record_id: str) -> int:
        """How many bytes have come, 0 for an unknown upload."""
        ...

    def whole(self, record_id: str) -> Received | None:
        """The upload that was finished and has not been moved away."""
        ...

    def grow(self, record_id: str, *, first: int, total: int | None = None) -> Growing:
        """Go on at byte `first`, which is what is held; 0 starts afresh.

        total: of the whole, to learn at once that it will not fit. Raises WrongOffset, StorageFull, and Conflict while
        somebody else writes.
        """
        ...

    def discard(self, record_id: str) -> None:
        """Forget all that came. An unknown upload is no error."""
        ...

    def sweep(self, now: datetime) -> None:
        """Delete what has not grown for a day."""
        ...
