"""The store's chores in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from service.adapters.memory.store import MemoryStore
from service.domain.upkeep import surplus

_HASH = re.compile("[0-9a-f]{64}")
_THINNED = ("metrics", "log")
_FORGOTTEN = timedelta(days=1)


class MemoryUpkeep:
    """The port Upkeep."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def take(self, chore: str, *, every_s: float) -> bool:
        with self._store.lock:
            now = self._store.now()
            if self._store.chores.get(chore, now) > now:
                return False
            self._store.chores[chore] = now + timedelta(seconds=every_s)
            return True

    def named_artifacts(self) -> Iterator[str]:
        with self._store.lock:
            records = repr(vars(self._store))
        return iter(_HASH.findall(records))

    def thin_events(self, *, keep: int) -> int:
        with self._store.lock:
            return sum(self._thin(job_id, keep) for job_id in self._store.events)

    def forget(self) -> int:
        with self._store.lock:
            now, store = self._store.now(), self._store
            old = [key for key, known in store.remembered.items() if known.expires_at <= now]
            gone = [worker.id for worker in store.workers.values() if worker.seen_at < now - _FORGOTTEN]
            for key in old:
                del store.remembered[key]
            for worker_id in gone:
                del store.workers[worker_id]
            return len(old) + len(gone)

    def _thin(self, job_id: str, keep: int) -> int:
        told = self._store.events[job_id]
        numbers = {kind: [event.seq for event in told if event.type == kind] for kind in _THINNED}
        count = sum(map(len, numbers.values()))
        if count <= keep:
            return 0
        gone = {seq for each in numbers.values() for seq in surplus(each, share=-(-count // keep))}
        self._store.events[job_id] = [event for event in told if event.seq not in gone]
        return len(gone)
