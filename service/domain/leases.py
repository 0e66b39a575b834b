"""Who works on a record, and until when: a lease with a fence (docs/adr, 1 and 17).

The owner renews the lease with every heartbeat. Once it has run out, the reaper takes the work back, and the next claim
raises the fence: whoever writes with an older fence has lost it. All times come from the store's clock, never from the
owner's, so that a worker with a wrong clock cannot hold on to anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.domain.errors import FenceLost

LEASE_S = 60.0
HEARTBEAT_S = 15.0
MAX_ATTEMPTS_WITHOUT_PROGRESS = 3
LEASE_EXPIRED = "its lease ran out, so its worker died or was cut off"


@dataclass(frozen=True)
class Lease:
    """owner: None when nobody holds it. fence: how often the work was claimed. until: timezone-aware UTC."""

    owner: str | None = None
    fence: int = 0
    until: datetime | None = None

    def take(self, owner: str, now: datetime, lease_s: float) -> Lease:
        """A new holder; every older fence is worthless from here on."""
        return Lease(owner, self.fence + 1, now + timedelta(seconds=lease_s))

    def renew(self, now: datetime, lease_s: float) -> Lease:
        """The same holder, for longer."""
        return replace(self, until=now + timedelta(seconds=lease_s))

    def release(self) -> Lease:
        """Nobody holds it. The fence stays, so that it only ever grows."""
        return Lease(fence=self.fence)

    def expired(self, now: datetime) -> bool:
        """Whether somebody holds it and should not any more."""
        return self.until is not None and self.until <= now

    def check(self, fence: int) -> None:
        """Raise FenceLost unless the holder with this very fence still holds it."""
        if self.owner is None or self.fence != fence:
            holder = f"now at fence {self.fence}" if self.owner else "held by nobody"
            raise FenceLost(f"The lease with fence {fence} is lost (the work is {holder}); stop and write nothing")
