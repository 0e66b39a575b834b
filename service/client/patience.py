"""How long the client bears with a server that is away or busy."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How often and how long to try. The waits double from `first_s` to `longest_s`, and `Retry-After` is kept.

    tries: of one request, or in a row without news of a stream, an upload or a download.
    """

    tries: int = 8
    first_s: float = 0.2
    longest_s: float = 5.0

    def delay_s(self, failures: int, retry_after: str = "") -> float:
        """Seconds to wait after the n-th failure in a row, n from 1. Never more than `longest_s`."""
        backoff_s = min(self.first_s * 2 ** (failures - 1), self.longest_s) * random.uniform(0.5, 1.0)  # noqa: S311  # nosec B311  # no secret
        asked_s = float(retry_after) if retry_after.isdecimal() else 0.0
        return max(backoff_s, min(asked_s, self.longest_s))
