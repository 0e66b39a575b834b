"""The queue in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections import Counter

from service.adapters.memory.store import MemoryStore
from service.domain.ports.queue import Census


class MemoryQueue:
    """The port Queue."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def census(self) -> Census:
        with self._store.lock:
            jobs = list(self._store.jobs.values())
            waiting = [job.created_at for job in jobs if job.status == "queued"]
            oldest_s = (self._store.now() - min(waiting)).total_seconds() if waiting else None
        return Census(Counter(job.status for job in jobs), oldest_s)
