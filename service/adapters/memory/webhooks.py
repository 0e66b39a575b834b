"""Webhooks and their deliveries in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.adapters.memory.store import MemoryStore, paged
from service.domain import deliveries
from service.domain.deliveries import Attempt, Delivery
from service.domain.errors import NotFound
from service.domain.events import StoredEvent
from service.domain.idempotency import Once
from service.domain.jobs import Job
from service.domain.ports import Listing, Page, WebhookMove
from service.domain.webhooks import Told, Webhook, told_of


class MemoryWebhooks:
    """The port Webhooks."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def add(self, webhook: Webhook, *, once: Once | None = None) -> Webhook:
        with self._store.lock:
            if once is not None:
                known = self._store.recall(once)
                if known is not None and known.resource_id is not None:
                    return self.get(known.resource_id)
            subscribe(self._store, webhook)
            if once is not None:
                self._store.remember(once, resource_id=webhook.id)
            return webhook

    def get(self, webhook_id: str) -> Webhook:
        with self._store.lock:
            if webhook_id not in self._store.webhooks:
                raise NotFound.of("webhook", webhook_id)
            return self._store.webhooks[webhook_id]

    def list(self, page: Page, *, job_id: str | None = None) -> Listing[Webhook]:
        with self._store.lock:
            found = [each for each in self._store.webhooks.values() if job_id in (None, each.job_id)]
            return paged(found, page, lambda each: each.id, after=page.after)

    def change(self, webhook_id: str, move: WebhookMove) -> Webhook:
        with self._store.lock:
            after = move(self.get(webhook_id), self._store.now())
            self._store.webhooks[webhook_id] = after
            return after

    def remove(self, webhook_id: str) -> None:
        with self._store.lock:
            self.get(webhook_id)
            del self._store.webhooks[webhook_id], self._store.deliveries[webhook_id]

    def ping(self, webhook_id: str, message_id: str) -> Delivery:
        with self._store.lock:
            webhook = self.change(webhook_id, _enable)
            return _queue(self._store, webhook, Told(message_id, "ping", {"webhook": webhook_id}))

    def delivery(self, webhook_id: str, number: int) -> Delivery:
        with self._store.lock:
            self.get(webhook_id)
            found = self._store.deliveries[webhook_id].get(number)
            if found is None:
                raise NotFound.of(f"delivery of webhook {webhook_id}", number)
            return found

    def deliveries(self, webhook_id: str, page: Page) -> Listing[Delivery]:
        with self._store.lock:
            self.get(webhook_id)
            found = self._store.deliveries[webhook_id].values()
            return paged(found, page, lambda each: each.number, after=page.after_number)

    def replay(self, webhook_id: str, number: int) -> Delivery:
        with self._store.lock:
            before = self.delivery(webhook_id, number)
            self.change(webhook_id, _enable)
            return self._write(before.replay(self._store.now()))

    def claim(self, limit: int) -> Sequence[tuple[Webhook, Delivery]]:
        with self._store.lock:
            now = self._store.now()
            first = filter(None, (_due(queued.values(), now) for queued in self._store.deliveries.values()))
            chosen = sorted(first, key=lambda each: each.next_at or now)[:limit]
            return [(self.get(each.webhook_id), self._write(each.claim(now))) for each in chosen]

    def conclude(self, held: Delivery, attempt: Attempt) -> Delivery:
        with self._store.lock:
            if self._store.deliveries.get(held.webhook_id, {}).get(held.number) != held:
                return held
            webhook, delivery = deliveries.conclude(self.get(held.webhook_id), held, attempt, self._store.now())
            self._store.webhooks[webhook.id] = webhook
            self._write(delivery)
            if webhook.disabled_at is not None:
                for each in self._store.deliveries[webhook.id].values():
                    if each.state == "pending":
                        self._write(replace(each, state="failed", next_at=None))
            return delivery

    def sweep(self, *, kept_s: float) -> int:
        with self._store.lock:
            horizon, gone = self._store.now() - timedelta(seconds=kept_s), 0
            for webhook_id, queued in list(self._store.deliveries.items()):
                left = {n: each for n, each in queued.items() if each.next_at is not None or each.created_at >= horizon}
                gone += len(queued) - len(left)
                self._store.deliveries[webhook_id] = left
                if not left and self._is_over(webhook_id, horizon):
                    self.remove(webhook_id)
            return gone

    def _is_over(self, webhook_id: str, horizon: datetime) -> bool:
        job = self._store.jobs.get(self._store.webhooks[webhook_id].job_id or "")
        return job is not None and job.finished_at is not None and job.finished_at < horizon

    def _write(self, delivery: Delivery) -> Delivery:
        self._store.deliveries[delivery.webhook_id][delivery.number] = delivery
        return delivery


def subscribe(store: MemoryStore, webhook: Webhook) -> None:
    """Store a webhook. Raises NotFound for an unknown job."""
    if webhook.job_id is not None and webhook.job_id not in store.jobs:
        raise NotFound.of("job", webhook.job_id)
    store.webhooks[webhook.id] = webhook
    store.deliveries[webhook.id] = {}


def announce(store: MemoryStore, job: Job, events: Sequence[StoredEvent]) -> None:
    """Queue what a job's new events mean for webhooks."""
    for webhook in [each for each in store.webhooks.values() if each.job_id in (None, job.id)]:
        for told in told_of(job, events):
            if webhook.wants(told.event):
                _queue(store, webhook, told)


def _queue(store: MemoryStore, webhook: Webhook, told: Told) -> Delivery:
    queued = store.deliveries[webhook.id]
    delivery = deliveries.queue(webhook, max(queued, default=0) + 1, told, store.now())
    queued[delivery.number] = delivery
    return delivery


def _due(queued: Iterable[Delivery], now: datetime) -> Delivery | None:
    """The first that is due, unless another is being sent right now."""
    waiting = [(each.next_at, each) for each in queued if each.next_at is not None]
    if any(each.state == "sending" and until > now for until, each in waiting):
        return None
    return next((each for since, each in waiting if since <= now), None)


def _enable(webhook: Webhook, _now: datetime) -> Webhook:
    return webhook.enable()
