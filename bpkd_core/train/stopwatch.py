"""Time across restarts, and when to speak."""

from __future__ import annotations

import time

REPORT_EVERY_S = 2.0


class Stopwatch:
    """Counts on from `before`, the seconds of earlier attempts."""

    def __init__(self, before: float) -> None:
        self.before = before
        self.steps = 0
        self.start = self.last_report = time.monotonic()

    def seconds(self) -> float:
        """Training time so far, without the time between attempts."""
        return self.before + time.monotonic() - self.start

    def is_due(self) -> bool:
        """Whether the last report is long enough ago; starts the next interval if so."""
        now = time.monotonic()
        if now - self.last_report < REPORT_EVERY_S:
            return False
        self.last_report = now
        return True

    def count(self) -> None:
        """One step more."""
        self.steps += 1

    def steps_per_s(self) -> float:
        """The pace of this attempt."""
        return max(1, self.steps) / max(1e-9, time.monotonic() - self.start)
