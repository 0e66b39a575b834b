from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.errors import FenceLost
from service.domain.leases import HEARTBEAT_S, LEASE_S, Lease

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_every_claim_raises_the_fence() -> None:
    """Also after a release, or an old holder could pass for the new one."""
    lease = Lease().take("a", NOW, 60).release().take("b", NOW, 60)
    assert (lease.owner, lease.fence) == ("b", 2)


def test_a_lease_ends_with_its_last_instant() -> None:
    """At the deadline itself the work is free, so that no two stores disagree about it."""
    lease = Lease().take("a", NOW, 60)
    assert not lease.expired(NOW + timedelta(seconds=59.999))
    assert lease.expired(NOW + timedelta(seconds=60))
    assert not Lease().expired(NOW)


def test_only_the_present_holder_passes_the_check() -> None:
    """Neither an older fence, nor a newer one, nor the last one after its release."""
    lease = Lease().take("a", NOW, 60).take("b", NOW, 60)
    lease.check(2)
    for fence in (0, 1, 3):
        with pytest.raises(FenceLost, match="stop"):
            lease.check(fence)
    with pytest.raises(FenceLost, match="nobody"):
        lease.release().check(2)


def test_one_lost_heartbeat_costs_nothing() -> None:
    """The defaults leave room for three."""
    assert HEARTBEAT_S * 3 < LEASE_S
