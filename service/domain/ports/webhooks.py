"""Webhooks and their deliveries, as a store keeps them, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.deliveries import Attempt, Delivery
from service.domain.idempotency import Once
from service.domain.ports.base import Listing, Page
from service.domain.webhooks import Webhook

WebhookMove = Callable[[Webhook, datetime], Webhook]


class Webhooks(Protocol):
    """Endpoints, and the outbox: what :class:`Jobs` writes of a job is queued for them in the same transaction."""

    def add(self, webhook: Webhook, *, once: Once | None = None) -> Webhook:
        """Store a webhook. `once` as in :meth:`Jobs.add`. Raises NotFound for an unknown job."""
        ...

    def get(self, webhook_id: str) -> Webhook:
        """One webhook."""
        ...

    def list(self, page: Page, *, job_id: str | None = None) -> Listing[Webhook]:
        """Webhooks by id, which is by age; those of one job, or all."""
        ...

    def change(self, webhook_id: str, move: WebhookMove) -> Webhook:
        """Apply a move."""
        ...

    def remove(self, webhook_id: str) -> None:
        """Forget a webhook and its deliveries."""
        ...

    def ping(self, webhook_id: str, message_id: str) -> Delivery:
        """Queue a message that says nothing, and enable the webhook."""
        ...

    def delivery(self, webhook_id: str, number: int) -> Delivery:
        """One delivery."""
        ...

    def deliveries(self, webhook_id: str, page: Page) -> Listing[Delivery]:
        """Deliveries by number."""
        ...

    def replay(self, webhook_id: str, number: int) -> Delivery:
        """Queue a delivery again, and enable the webhook."""
        ...

    def claim(self, limit: int) -> Sequence[tuple[Webhook, Delivery]]:
        """Take due deliveries, the oldest first and one of each webhook, so that a slow one holds up nobody else.

        Two callers never get the same, unless the first held it for longer than its lease.
        """
        ...

    def conclude(self, held: Delivery, attempt: Attempt) -> Delivery:
        """Write what became of a claimed delivery. One that is somebody else's by now, or gone, stays as it is."""
        ...

    def sweep(self, *, kept_s: float) -> int:
        """Forget what was concluded so long ago, and webhooks of jobs that ended then; how many deliveries went."""
        ...


class Outgoing(Protocol):
    """Requests to the outside."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, at: datetime) -> Attempt:
        """Send once and say what became of it. Never raises, and takes seconds at most. at: kept in the answer."""
        ...
