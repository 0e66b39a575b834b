"""Waiting for what other processes and threads do: on a condition, with a deadline, never for a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 60.0
"""For a machine under load; a condition that is met costs a fraction of it."""


def wait_for(condition: Callable[[], T], what: str = "the condition", deadline_s: float = DEADLINE_S) -> T:
    """The condition's first true answer. Fails when the deadline passes."""
    until = time.monotonic() + deadline_s
    while not (answer := condition()):
        assert time.monotonic() < until, f"waited {deadline_s:g} s for {what}"
        threading.Event().wait(0.02)
    return answer
