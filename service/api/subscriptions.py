"""Webhooks from requests: an address that is told of every job, and those that a job brings along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service import schemas
from service.domain.destinations import Destinations
from service.domain.jobs import Job
from service.domain.ports import Page
from service.domain.webhooks import SECRET_BYTES, Webhook, check_secret, secret_of
from service.wiring import Service

MOST = 5
"""Webhooks that a job may bring."""


def new_webhook(service: Service, body: schemas.WebhookRequest, *, created_by: str | None) -> Webhook:
    """One for every job, with a fresh secret. Raises InvalidInput for an address that may not be asked."""
    Destinations(service.settings.webhook_private_hosts).check_url(body.url)
    return Webhook(
        id=service.new_id("wh"),
        url=body.url,
        secret=secret_of(service.entropy(SECRET_BYTES)),
        created_at=service.now(),
        events=body.events,
        description=body.description,
        created_by=created_by,
    )


def webhooks_of(service: Service, wishes: Sequence[schemas.JobWebhook], job: Job) -> list[Webhook]:
    """Those of one job. Raises InvalidInput, as above and for a secret that cannot sign."""
    allowed = Destinations(service.settings.webhook_private_hosts)
    for place, wish in enumerate(wishes):
        allowed.check_url(wish.url, param=f"webhooks.{place}.url")
        if wish.secret is not None:
            check_secret(wish.secret, param=f"webhooks.{place}.secret")
    return [
        Webhook(
            id=service.new_id("wh"),
            url=wish.url,
            secret=wish.secret or secret_of(service.entropy(SECRET_BYTES)),
            created_at=job.created_at,
            events=wish.events,
            job_id=job.id,
            created_by=job.created_by,
        )
        for wish in wishes
    ]


def carried_on(service: Service, job: Job) -> list[Webhook]:
    """Those of the job that a retry goes on with: who waits for its end waits for the retry's."""
    if job.retry_of is None:
        return []
    before = service.webhooks.list(Page(limit=MOST, order="asc"), job_id=job.retry_of)
    own = {"job_id": job.id, "created_at": job.created_at, "created_by": job.created_by}
    return [replace(webhook, id=service.new_id("wh"), **own).enable() for webhook in before.data]
