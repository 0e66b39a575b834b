"""Waiting out a database that is away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from service.domain.errors import StorageFull, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


def patiently(
    action: Callable[[], T],
    *,
    for_s: float,
    pause_s: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Do something that is safe to repeat, again and again for `for_s` seconds while the store does not answer.

    Raises what the action raised last.
    """
    until = clock() + for_s
    while True:
        try:
            return action()
        except (Unavailable, StorageFull) as error:
            if clock() >= until:
                raise
            log.warning("trying again in %g s: %s", pause_s, error)
            sleep(pause_s)
