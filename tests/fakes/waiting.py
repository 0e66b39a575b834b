"""Waiting for what other processes and threads do: on a condition, with a deadline, never for a fixed time."""

from __future__ import annotations

import os
import select
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


def wait_until_gone(pid: int) -> None:
    """Until a process has ended; who reaps it is the system's business."""
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([ended], [], [], DEADLINE_S)[0], f"process {pid} still lives"
    finally:
        os.close(ended)
