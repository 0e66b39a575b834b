"""Webhooks on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bpkd_core.spec import Section
from service.schemas.base import TEXT_PATTERN, Wire

JobEvent = Literal["job.queued", "job.running", "job.succeeded", "job.failed", "job.cancelled"]
WebhookUrl = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
WebhookSecret = Annotated[str, StringConstraints(pattern=r"^whsec_[A-Za-z0-9+/]{32,88}={0,2}$")]
Events = Annotated[tuple[JobEvent, ...], Field(max_length=5, description="what is told; none stands for all")]


class JobWebhook(Section):
    """An address that is told of one job. It is listed at `/v1/webhooks?job=`, and not shown with the job."""

    url: WebhookUrl = Field(description="https:, or http: to a host that the server allows")
    events: Events = ()
    secret: WebhookSecret | None = Field(
        default=None, repr=False, description="what signs; without one, rotate the webhook to get one"
    )


JobWebhooks = Annotated[
    tuple[JobWebhook, ...],
    Field(max_length=5, repr=False, description="addresses that are told of this job"),
]


class WebhookRequest(Section):
    """An address that is told of every job."""

    url: WebhookUrl = Field(description="https:, or http: to a host that the server allows")
    events: Events = ()
    description: Annotated[str, StringConstraints(max_length=200, pattern=TEXT_PATTERN)] = ""


class Webhook(Wire):
    """An address that is told of jobs, by the Standard Webhooks convention."""

    object: Literal["webhook"] = "webhook"
    id: str
    url: str
    events: list[JobEvent]
    description: str
    job: str | None = Field(description="the one job that it is told of; null for every job")
    secret: str | None = Field(description="shown by the request that makes or rotates it, and never again")
    state: Literal["active", "failing", "disabled"]
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime


class DeliveryAttempt(Wire):
    """One try. status: of the answer, or null when there was none. answer: its first bytes."""

    at: datetime
    duration_ms: float
    status: int | None
    answer: str
    error: str | None


class Delivery(Wire):
    """One message to one webhook. message_id: its `webhook-id` header, the same in every try. body: as it is sent."""

    object: Literal["delivery"] = "delivery"
    webhook: str
    number: int
    message_id: str
    type: Literal[JobEvent, "ping"]
    state: Literal["pending", "delivered", "failed"]
    body: str
    attempts: list[DeliveryAttempt]
    next_attempt_at: datetime | None
    created_at: datetime
