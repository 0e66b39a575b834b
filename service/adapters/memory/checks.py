"""Records with a check, in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Generic

from service.adapters.memory.store import MemoryStore
from service.domain import checks
from service.domain.checks import R
from service.domain.errors import FenceLost, NotFound
from service.domain.idempotency import Once
from service.domain.leases import LEASE_EXPIRED


class MemoryChecks(Generic[R]):
    """What every port of such records has in common. word: what one is called."""

    def __init__(self, store: MemoryStore, records: dict[str, R], word: str) -> None:
        self._store, self._records, self._word = store, records, word

    def add(self, record: R, *, once: Once | None = None) -> R:
        with self._store.lock:
            if once is not None:
                known = self._store.recall(once)
                if known is not None and known.resource_id is not None:
                    return self.get(known.resource_id)
                self._store.remember(once, resource_id=record.id)
            self._records[record.id] = record
            return record

    def get(self, record_id: str) -> R:
        with self._store.lock:
            if record_id not in self._records:
                raise NotFound.of(self._word, record_id)
            return self._records[record_id]

    def claim(self, owner: str, *, lease_s: float) -> R | None:
        with self._store.lock:
            waiting = [record.id for record in self._records.values() if record.waits]
            if not waiting:
                return None
            return self.change(min(waiting), partial(checks.claim, owner=owner, lease_s=lease_s), fence=None)

    def change(self, record_id: str, move: Callable[[R, datetime], R], *, fence: int | None) -> R:
        with self._store.lock:
            try:
                record = self.get(record_id)
            except NotFound as error:
                if fence is None:
                    raise
                raise FenceLost(f"The {self._word} {record_id} was deleted; stop and write nothing") from error
            if fence is not None:
                record.lease.check(fence)
            self._records[record_id] = changed = move(record, self._store.now())
            return changed

    def reap(self) -> Sequence[R]:
        with self._store.lock:
            now = self._store.now()
            expired = [record for record in self._records.values() if record.lease.expired(now)]
            recover = partial(checks.recover, reason=LEASE_EXPIRED)
            return [self.change(record.id, recover, fence=record.lease.fence) for record in expired]
