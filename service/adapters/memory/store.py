"""All that the in-memory adapters share: the records, the lock and the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from service.domain.datasets import Dataset
from service.domain.deliveries import Delivery
from service.domain.events import StoredEvent
from service.domain.idempotency import KEEP_S, Answer, Once
from service.domain.jobs import Job
from service.domain.keys import ApiKey
from service.domain.models import Alias, AliasMove, Model, Version
from service.domain.ports import Clock, Listing, Page
from service.domain.teachers import Teacher
from service.domain.webhooks import Webhook
from service.domain.workers import Worker

T = TypeVar("T")


@dataclass(frozen=True)
class Remembered:
    """What is known of an Idempotency-Key."""

    once: Once
    expires_at: datetime
    held_until: datetime | None = None
    resource_id: str | None = None
    answer: Answer | None = None


class MemoryStore:
    """The records. Every adapter takes the lock, which one thread may take twice."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self.lock = threading.RLock()
        self.jobs: dict[str, Job] = {}
        self.events: dict[str, list[StoredEvent]] = {}
        self.datasets: dict[str, Dataset] = {}
        self.teachers: dict[str, Teacher] = {}
        self.models: dict[str, Model] = {}
        self.versions: dict[str, list[Version]] = {}
        self.aliases: dict[tuple[str, str], Alias] = {}
        self.moves: dict[tuple[str, str], list[AliasMove]] = {}
        self.keys: dict[str, ApiKey] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.deliveries: dict[str, dict[int, Delivery]] = {}
        self.workers: dict[str, Worker] = {}
        self.chores: dict[str, datetime] = {}
        self.remembered: dict[tuple[str, str], Remembered] = {}

    def recall(self, once: Once) -> Remembered | None:
        """What is known of a key, unless it is too old. Raises IdempotencyMismatch."""
        known = self.remembered.get((once.scope, once.key))
        if known is None or known.expires_at <= self.now():
            return None
        once.check(known.once.body_sha256)
        return known

    def remember(self, once: Once, **changes: Any) -> None:
        """Change what is known of a key."""
        known = self.recall(once) or Remembered(once, self.now() + timedelta(seconds=KEEP_S))
        self.remembered[once.scope, once.key] = replace(known, **changes)


def paged(records: Iterable[T], page: Page, key: Callable[[T], Any], *, after: Any = None) -> Listing[T]:
    """One page of records sorted by `key`; `after` is the key of the last record already seen."""
    newest_first = page.order == "desc"
    ordered = sorted(records, key=key, reverse=newest_first)
    if after is not None:
        ordered = [record for record in ordered if (key(record) < after if newest_first else key(record) > after)]
    return Listing(tuple(ordered[: page.limit]), has_more=len(ordered) > page.limit)
