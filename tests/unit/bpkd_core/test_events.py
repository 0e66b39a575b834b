"""One JSON object a line, and nothing that a line could hide."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from bpkd_core.events import STAGES, Event, EventType, Stage, parse_line, to_line


@pytest.mark.parametrize("kind", get_args(EventType))
def test_an_event_survives_its_line(kind: EventType) -> None:
    """Worker and command line see exactly what the run said."""
    event = Event(kind, {"stage": "exporting", "values": {"loss": 0.5}, "sizes": [1, 2], "none": None})
    assert parse_line(to_line(event)) == event


def test_a_line_is_one_line() -> None:
    """A message with line ends must not become two events."""
    event = Event("log", {"message": "first\nsecond\r\nStraße"})
    assert len(to_line(event).splitlines()) == 1
    assert parse_line(to_line(event)) == event


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_become_null(value: float) -> None:
    """`NaN` is no JSON: a browser's parser would refuse the whole line, just when a training goes wrong."""
    line = to_line(Event("metrics", {"values": {"loss": value, "lr": 0.1}, "list": [value, 1], "pair": (value, 2)}))
    assert json.loads(line, parse_constant=pytest.fail) == {
        "type": "metrics",
        "values": {"loss": None, "lr": 0.1},
        "list": [None, 1],
        "pair": [None, 2],
    }


@pytest.mark.parametrize(
    "line",
    ["", "Downloading weights: 3 %", "{", '"text"', "[1]", "3", "null", "{}", '{"type": "shout"}', "[" * 100_000],
)
def test_a_librarys_chatter_is_no_event(line: str) -> None:
    """Anything may print to standard output; it must neither fail the job nor look like news of it."""
    assert parse_line(line) is None


def test_an_unhashable_type_is_no_event() -> None:
    """A line may be JSON and still be none of ours."""
    assert parse_line('{"type": ["log"]}') is None


def test_the_stages_are_in_the_order_of_a_run() -> None:
    """The command line draws them in this order."""
    assert get_args(Stage) == STAGES
    assert STAGES[0] == "preparing_data"
    assert STAGES.index("training_teacher") < STAGES.index("training_student") < STAGES.index("evaluating")
