from __future__ import annotations

import pytest

from service.domain.errors import FenceLost, StorageFull, Unavailable
from worker.patience import patiently


class Store:
    """Away for the first few calls. Its clock moves when somebody sleeps."""

    def __init__(self, away: float, error: Exception) -> None:
        self.calls, self.now_s = 0, 0.0
        self._away, self._error = away, error

    def write(self) -> str:
        self.calls += 1
        if self.calls <= self._away:
            raise self._error
        return "written"

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s

    def write_patiently(self) -> str:
        return patiently(self.write, for_s=60, clock=lambda: self.now_s, sleep=self.sleep)


@pytest.mark.parametrize("error", [Unavailable("away"), StorageFull("full")])
def test_a_store_that_comes_back_gets_the_write(error: Exception) -> None:
    """The end of a two-day job must not be lost to a database's restart."""
    assert Store(3, error).write_patiently() == "written"


def test_patience_ends_with_the_lease() -> None:
    """After that the reaper gives the work to somebody else, and waiting helps nobody."""
    store = Store(float("inf"), Unavailable("away"))
    with pytest.raises(Unavailable):
        store.write_patiently()
    assert store.now_s == 60


def test_a_lost_fence_is_not_tried_again() -> None:
    """It never comes back."""
    store = Store(1, FenceLost("gone"))
    with pytest.raises(FenceLost):
        store.write_patiently()
    assert store.calls == 1
