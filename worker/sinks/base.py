"""What a tracker of runs must do. Its methods may be slow and may raise whatever they like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Run:
    """A job as trackers see it. params: the request, flat: `train.steps` -> `600`."""

    job_id: str
    name: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Point:
    """A metric. name: with its stage, `training_student/val_miou`. at: seconds since 1970."""

    name: str
    value: float
    step: int
    at: float


@dataclass(frozen=True)
class End:
    """How a job ended. facts: `model`, and the names of its files. scores: numbers of its result, flat."""

    outcome: Outcome
    facts: Mapping[str, str]
    scores: Mapping[str, float]


class Sink(Protocol):
    """One run in one tracker. A job that is tried again goes on in the same run."""

    def log(self, points: Sequence[Point]) -> None:
        """Add metrics."""
        ...

    def close(self, end: End | None) -> None:
        """Let go of the run; with an end, the run is over."""
        ...


OpenSink = Callable[[Run], Sink]
