"""What happened to jobs, in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence

from service.adapters.memory.store import MemoryStore
from service.domain.events import NoteType, StoredEvent


class MemoryEvents:
    """The port Events."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def after(
        self, job_id: str, seq: int = 0, *, limit: int = 100, types: Sequence[NoteType] = ()
    ) -> Sequence[StoredEvent]:
        with self._store.lock:
            told = self._store.events.get(job_id, [])
            return [event for event in told if event.seq > seq and (not types or event.type in types)][:limit]

    def newest(self, job_id: str, *, limit: int, types: Sequence[NoteType]) -> Sequence[StoredEvent]:
        with self._store.lock:
            return [event for event in self._store.events.get(job_id, []) if event.type in types][-limit:]
