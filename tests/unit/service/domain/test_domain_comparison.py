from __future__ import annotations

from service.domain.comparison import Difference, differences


def test_only_leaves_that_differ_are_told_with_their_path() -> None:
    """What is equal would hide the one line that is looked for."""
    left = {"train": {"lr": 0.1, "crop": [64, 64], "seed": 0}, "name": "x"}
    right = {"train": {"lr": 0.2, "crop": [64, 96], "seed": 0}, "name": "x"}
    assert differences(left, right) == [
        Difference("train.lr", 0.1, 0.2),
        Difference("train.crop", [64, 64], [64, 96]),
    ]


def test_what_one_side_does_not_have_is_told_once_and_whole() -> None:
    """A job that failed has no result; forty lines of nothing against numbers say no more than one."""
    assert differences({"a": {"b": 1}}, {"a": None, "c": 2}) == [
        Difference("a", {"b": 1}, None),
        Difference("c", None, 2),
    ]


def test_a_field_that_is_null_on_one_side_and_absent_on_the_other_is_no_difference() -> None:
    """An older release did not write it; nothing was asked in either."""
    assert differences({"ema": None}, {}) == []
