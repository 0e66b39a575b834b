# Made from service/client/aio/webhooks.py; change it there (service/client/__init__.py says how).
"""Webhooks, as the client sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.client.sync.transport import Transport
from service.schemas import Delivery, JobEvent, List, Webhook

BASE = "/v1/webhooks"


class Webhooks:
    """`client.webhooks`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, url: str, *, events: Sequence[JobEvent] = (), description: str = "") -> Webhook:
        """Be told of every job; the answer holds the secret that signs, this once. events: none stands for all."""
        body = {"url": url, "events": list(events), "description": description}
        return self._transport.post(Webhook, BASE, body)

    def get(self, webhook_id: str) -> Webhook:
        """One webhook, and whether it answers."""
        return self._transport.get(Webhook, f"{BASE}/{webhook_id}")

    def list(self, *, limit: int = 20, after: str | None = None, job: str | None = None) -> List[Webhook]:
        """One page of webhooks, the newest first. job: only those that it has brought."""
        return self._transport.get(List[Webhook], BASE, limit=limit, after=after, job=job)

    def iterate(self, *, job: str | None = None) -> Iterator[Webhook]:
        """Every webhook, the newest first."""
        return self._transport.iterate(Webhook, BASE, job=job)

    def delete(self, webhook_id: str) -> None:
        """Tell it nothing more, and forget what was sent to it."""
        self._transport.delete(f"{BASE}/{webhook_id}")

    def rotate(self, webhook_id: str) -> Webhook:
        """Get a new secret; the one before signs too for 24 hours."""
        return self._transport.post(Webhook, f"{BASE}/{webhook_id}/rotate")

    def ping(self, webhook_id: str) -> Delivery:
        """Send a message that says nothing; a disabled webhook is enabled."""
        return self._transport.post(Delivery, f"{BASE}/{webhook_id}/ping")

    def deliveries(self, webhook_id: str, *, limit: int = 20, after: str | None = None) -> List[Delivery]:
        """What was sent and what came back, the newest first."""
        return self._transport.get(List[Delivery], f"{BASE}/{webhook_id}/deliveries", limit=limit, after=after)

    def delivery(self, webhook_id: str, number: int) -> Delivery:
        """One message and its tries."""
        return self._transport.get(Delivery, f"{BASE}/{webhook_id}/deliveries/{number}")

    def replay(self, webhook_id: str, number: int) -> Delivery:
        """Send a message again, under its `webhook-id` of then."""
        return self._transport.post(Delivery, f"{BASE}/{webhook_id}/deliveries/{number}/replay")
