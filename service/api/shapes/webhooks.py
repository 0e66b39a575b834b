"""Webhooks in the shape of the wire."""

from __future__ import annotations

from dataclasses import asdict

from service import schemas
from service.domain import deliveries, webhooks


def webhook(value: webhooks.Webhook, *, reveal: bool = False) -> schemas.Webhook:
    """An endpoint. reveal: show its secret, to who has just made it."""
    failing = "failing" if value.failing_since else "active"
    return schemas.Webhook(
        id=value.id,
        url=value.url,
        events=[event for event in value.events if event != "ping"],
        description=value.description,
        job=value.job_id,
        secret=value.secret if reveal else None,
        state="disabled" if value.disabled_at else failing,
        failing_since=value.failing_since,
        disabled_at=value.disabled_at,
        disabled_reason=value.disabled_reason,
        created_at=value.created_at,
    )


def delivery(value: deliveries.Delivery) -> schemas.Delivery:
    """A message; one that is being sent is still pending."""
    return schemas.Delivery(
        webhook=value.webhook_id,
        number=value.number,
        message_id=value.message_id,
        type=value.type,
        state="pending" if value.state == "sending" else value.state,
        body=value.body,
        attempts=[schemas.DeliveryAttempt.model_validate(asdict(each)) for each in value.attempts],
        next_attempt_at=value.next_at,
        created_at=value.created_at,
    )
