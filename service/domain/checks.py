"""Records that a worker looks at before anybody may use them, and the moves that all of these share.

Whoever checks holds a lease (see :mod:`service.domain.leases`). A check may be repeated: it changes nothing but its
record, at its end. One that kills its child process three times refuses the record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from bpkd_core.errors import BpkdError
from service.domain.errors import Conflict, Poisoned
from service.domain.leases import MAX_ATTEMPTS_WITHOUT_PROGRESS, Lease


class Checked(Protocol):
    """A record with a check. attempt: 1, and one more after each check that died."""

    @property
    def id(self) -> str: ...  # noqa: D102 - the record's fields

    @property
    def state(self) -> str: ...  # noqa: D102

    @property
    def attempt(self) -> int: ...  # noqa: D102

    @property
    def lease(self) -> Lease: ...  # noqa: D102

    @property
    def waits(self) -> bool:
        """Whether a worker may take it to check it."""
        ...

    def evolve(self, **changes: Any) -> Self:
        """The same record with some fields changed."""
        ...


R = TypeVar("R", bound=Checked)


def claim(record: R, now: datetime, *, owner: str, lease_s: float) -> R:
    """A worker starts to check."""
    if not record.waits:
        raise Conflict(f"{record.id} is {record.state} or being checked; expected it to wait for a check")
    return record.evolve(lease=record.lease.take(owner, now, lease_s))


def beat(record: R, now: datetime, *, lease_s: float) -> R:
    """The holder is alive."""
    return record.evolve(lease=record.lease.renew(now, lease_s))


def refuse(record: R, now: datetime, *, error: BpkdError) -> R:
    """The check could not be made, and another try would not help."""
    return record.evolve(state="refused", error=error.to_dict(), checked_at=now, lease=record.lease.release())


def give_back(record: R, _now: datetime) -> R:
    """The holder goes away in good order."""
    return record.evolve(lease=record.lease.release())


def recover(record: R, now: datetime, *, reason: str) -> R:
    """The holder or its child died: another attempt, unless it was the third."""
    if record.attempt >= MAX_ATTEMPTS_WITHOUT_PROGRESS:
        error = Poisoned(f"The check died {record.attempt} times (the last time: {reason})")
        return refuse(record, now, error=error)
    return record.evolve(attempt=record.attempt + 1, lease=record.lease.release())
