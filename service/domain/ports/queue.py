"""What waits, as an operator wants to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from service.domain.jobs import Status


@dataclass(frozen=True)
class Census:
    """jobs: how many of each status, the absent ones left out. oldest_s: since when the oldest queued one waits."""

    jobs: Mapping[Status, int]
    oldest_s: float | None


class Queue(Protocol):
    """The jobs as a whole."""

    def census(self) -> Census:
        """Count them, by the store's clock."""
        ...
