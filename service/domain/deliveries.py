"""One message to one webhook: how often it is tried, when it is given up, and what that means for the webhook.

::

    pending ──claim──> sending ──2xx──> delivered
      │  ^               ├────else────> failed, after the last try
      │  └──try later────┤                ^
      │  └──lease ran out┘ (its sender died; the message may arrive twice, under one webhook-id)
      └──<──replay── delivered, failed

Each message is tried seven times in 17 hours. A webhook whose messages all failed for five days is disabled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from service.domain.webhooks import EventName, Told, Webhook

State = Literal["pending", "sending", "delivered", "failed"]
LEASE_S = 60.0
"""How long a sender holds a message; four times what it may spend on one."""
WAITS_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
"""After the first failure, the second, ..."""
DISABLE_AFTER_S = 5 * 24 * 3600.0
KEEP_ATTEMPTS = 20
KEEP_S = 30 * 24 * 3600.0
"""How long the log of a message is kept."""
GONE = 410


@dataclass(frozen=True)
class Attempt:
    """One try. status: of the answer, or None when there was none, and `error` says why. answer: its first bytes."""

    at: datetime
    duration_ms: float
    status: int | None = None
    answer: str = ""
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def said(self) -> str:
        """The failure in a few words."""
        return self.error or f"it answered {self.status}"


@dataclass(frozen=True)
class Delivery:
    """number: 1, 2, 3 ... per webhook. message_id: the `webhook-id` header, the same in each try. body: as it is sent.

    tries: since it was queued or replayed. next_at: when it is due; while it is sent, when the sender's lease ends.
    """

    webhook_id: str
    number: int
    message_id: str
    type: EventName
    body: str
    created_at: datetime
    state: State = "pending"
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    next_at: datetime | None = None

    def claim(self, now: datetime) -> Delivery:
        """A sender takes it."""
        return replace(self, state="sending", next_at=now + timedelta(seconds=LEASE_S))

    def replay(self, now: datetime) -> Delivery:
        """Send it again at once, with all tries before it. Its webhook-id stays, so a receiver knows it."""
        return replace(self, state="pending", tries=0, next_at=now)


def queue(webhook: Webhook, number: int, told: Told, now: datetime) -> Delivery:
    """A message as it will be sent, due at once."""
    moment = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = json.dumps({"type": told.event, "timestamp": moment, "data": told.data}, separators=(",", ":"))
    return Delivery(webhook.id, number, told.message_id, told.event, body, created_at=now, next_at=now)


def conclude(webhook: Webhook, delivery: Delivery, attempt: Attempt, now: datetime) -> tuple[Webhook, Delivery]:
    """What a try means for both."""
    tries, attempts = delivery.tries + 1, (*delivery.attempts, attempt)[-KEEP_ATTEMPTS:]
    tried = replace(delivery, tries=tries, attempts=attempts, next_at=None)
    if attempt.succeeded:
        return replace(webhook, failing_since=None), replace(tried, state="delivered")
    webhook = _failed(webhook, attempt, now)
    if tries > len(WAITS_S) or webhook.disabled_at is not None:
        return webhook, replace(tried, state="failed")
    return webhook, replace(tried, state="pending", next_at=now + timedelta(seconds=WAITS_S[tries - 1]))


def _failed(webhook: Webhook, attempt: Attempt, now: datetime) -> Webhook:
    since = webhook.failing_since or now
    webhook = replace(webhook, failing_since=since)
    if attempt.status == GONE:
        return replace(
            webhook, disabled_at=now, disabled_reason="It answered 410 Gone, which asks for no more messages."
        )
    if now - since >= timedelta(seconds=DISABLE_AFTER_S):
        reason = f"Every message since {since:%Y-%m-%d %H:%M} UTC failed (the last: {attempt.said})."
        return replace(webhook, disabled_at=now, disabled_reason=reason)
    return webhook
