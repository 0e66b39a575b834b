from __future__ import annotations

from functools import partial

import pytest
import torch

from bpkd_core.bench.race import Work, peak_bytes, race

CPU = torch.device("cpu")
MIB = 2**20


def allocate(mebibytes: int, device: torch.device) -> Work:
    return partial(torch.ones, mebibytes, MIB, dtype=torch.uint8, device=device)


def test_the_sides_take_turns_and_the_first_round_is_not_counted() -> None:
    """Whatever slows the machine down for a moment must meet every side."""
    order: list[str] = []
    taken = race({name: partial(order.append, name) for name in "ab"}, CPU, rounds=4, seconds=60)
    assert order == ["a", "b"] * 5
    assert taken.keys() == {"a", "b"}


def test_two_rounds_are_counted_when_time_is_up() -> None:
    """The one-hot form takes half a minute a time."""
    order: list[str] = []
    race({"slow": partial(order.append, "slow")}, CPU, rounds=100, seconds=0)
    assert len(order) == 3


def test_the_slower_side_has_the_larger_median() -> None:
    """A race that mixed up names or units would be found here."""
    large, small = torch.ones(2_000_000), torch.ones(10)
    taken = race({"large": large.exp, "small": small.exp}, CPU, rounds=9, seconds=60)
    assert 0 < taken["small"] < taken["large"] < 10


def test_the_peak_is_what_the_work_adds() -> None:
    """Neither what was loaded before nor what other processes hold may count."""
    peak = peak_bytes(partial(allocate, 64), partial(allocate, 1), "cpu")
    assert peak == pytest.approx(64 * MIB, rel=0.1)
