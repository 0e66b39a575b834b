"""The courier: sends what the outbox holds, beside the requests.

Every API process has one. They share the outbox by leases: more processes send more, and none what another sends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version

from standardwebhooks import Webhook as Signer
from starlette.concurrency import run_in_threadpool

from service.domain.deliveries import Delivery
from service.domain.errors import StorageFull, Unavailable
from service.domain.ports import Clock, Outgoing, Webhooks
from service.domain.webhooks import Webhook

SENDERS = 8
"""Messages on their way at once; to one webhook it is one."""
POLL_S = 1.0
_log = logging.getLogger(__name__)


class Courier:
    """Takes due deliveries, signs them, sends them, and writes down what became of them."""

    def __init__(self, webhooks: Webhooks, outgoing: Outgoing, now: Clock) -> None:
        self._webhooks = webhooks
        self._outgoing = outgoing
        self._now = now
        self._flying: set[asyncio.Task[None]] = set()
        self._landed = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled. What is on its way then is sent again by whoever finds its lease run out."""
        try:
            while True:
                self._landed.clear()
                await self.collect()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._landed.wait(), POLL_S)
        finally:
            for task in self._flying:
                task.cancel()

    async def collect(self) -> None:
        """Begin to send what is due, as far as there are senders left. A store that is away is tried again later."""
        free = SENDERS - len(self._flying)
        try:
            held = await run_in_threadpool(self._webhooks.claim, free) if free else ()
        except (Unavailable, StorageFull) as error:
            _log.warning("The outbox of webhooks cannot be read: %s", error)
            return
        except Exception:
            _log.exception("The outbox of webhooks failed in a way that nobody foresaw")
            return
        for webhook, delivery in held:
            task = asyncio.create_task(self._send(webhook, delivery))
            self._flying.add(task)
            task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        """A webhook is free for its next message, which need not wait for the poll."""
        self._flying.discard(task)
        self._landed.set()

    async def _send(self, webhook: Webhook, delivery: Delivery) -> None:
        now = self._now()
        try:
            headers = signed(webhook, delivery, now)
            attempt = await self._outgoing.post(webhook.url, delivery.body.encode(), headers, at=now)
            if not attempt.succeeded:
                _log.warning("Message %s of webhook %s failed: %s", delivery.message_id, webhook.id, attempt.said)
            await run_in_threadpool(self._webhooks.conclude, delivery, attempt)
        except Exception:
            _log.exception("A delivery of webhook %s is left to its lease", webhook.id)


def signed(webhook: Webhook, delivery: Delivery, now: datetime) -> dict[str, str]:
    """The headers of a message: what it is, when it was signed, and a signature by each secret that counts now."""
    signatures = [Signer(secret).sign(delivery.message_id, now, delivery.body) for secret in webhook.secrets(now)]
    return {
        "content-type": "application/json",
        "user-agent": f"bpkd/{version('bpkd')}",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
