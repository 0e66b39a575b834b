"""Keys, Idempotency-Keys and workers in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from service.adapters.memory.store import MemoryStore
from service.domain.errors import IdempotencyInFlight, NotFound
from service.domain.idempotency import IN_FLIGHT_S, Answer, Once
from service.domain.keys import ApiKey
from service.domain.workers import Worker


class MemoryKeys:
    """The port Keys."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def add(self, key: ApiKey) -> None:
        with self._store.lock:
            if self.find(key.sha256) is None:
                self._store.keys[key.id] = key

    def find(self, sha256: str) -> ApiKey | None:
        with self._store.lock:
            return next((key for key in self._store.keys.values() if key.sha256 == sha256), None)

    def touch(self, key_id: str) -> None:
        with self._store.lock:
            if (key := self._store.keys.get(key_id)) is not None:
                self._store.keys[key_id] = replace(key, last_used_at=self._store.now())

    def list(self) -> Sequence[ApiKey]:
        with self._store.lock:
            return sorted(self._store.keys.values(), key=lambda key: key.id)

    def revoke(self, key_id: str) -> None:
        with self._store.lock:
            if self._store.keys.pop(key_id, None) is None:
                raise NotFound.of("key", key_id)


class MemoryIdempotency:
    """The port Idempotency."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def begin(self, once: Once) -> Answer | None:
        with self._store.lock:
            now = self._store.now()
            known = self._store.recall(once)
            if known is not None and known.answer is not None:
                return known.answer
            if known is not None and known.held_until is not None and known.held_until > now:
                raise IdempotencyInFlight.of(once.key)
            self._store.remember(once, held_until=now + timedelta(seconds=IN_FLIGHT_S))
            return None

    def finish(self, once: Once, answer: Answer) -> None:
        with self._store.lock:
            self._store.remember(once, answer=answer, held_until=None)

    def abandon(self, once: Once) -> None:
        with self._store.lock:
            if self._store.recall(once) is not None:
                self._store.remember(once, held_until=None)


class MemoryWorkers:
    """The port Workers."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def beat(self, worker: Worker) -> None:
        with self._store.lock:
            self._store.workers[worker.id] = replace(worker, seen_at=self._store.now())

    def leave(self, worker_id: str) -> None:
        with self._store.lock:
            self._store.workers.pop(worker_id, None)

    def list(self, *, seen_within_s: float = 60.0) -> Sequence[Worker]:
        with self._store.lock:
            horizon = self._store.now() - timedelta(seconds=seen_within_s)
            lately = [worker for worker in self._store.workers.values() if worker.seen_at >= horizon]
            return sorted(lately, key=lambda worker: worker.id)
