"""Webhooks: who is told of jobs, what was sent to them, and what they said."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service import schemas
from service.api import idempotency, shapes, subscriptions
from service.api.auth import Me
from service.api.context import Here, Paging
from service.domain.webhooks import SECRET_BYTES, secret_of

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Number = Annotated[int, Path(ge=1, lt=2**31)]


@router.post("", operation_id="webhooks_create", status_code=201, response_model=schemas.Webhook)
def create(body: schemas.WebhookRequest, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Be told of every job. The answer holds the secret that signs, this once."""
    draft = subscriptions.new_webhook(here.service, body, created_by=me.id)
    stored = here.service.webhooks.add(draft, once=idempotency.once(request, me, key, body))
    shown = shapes.webhook(stored, reveal=True)
    return idempotency.created(shown, f"{router.prefix}/{stored.id}", replayed=stored.id != draft.id)


@router.get("", operation_id="webhooks_list")
def listing(
    here: Here, page: Paging, job: Annotated[str | None, Query(max_length=100)] = None
) -> schemas.List[schemas.Webhook]:
    """Webhooks, the newest first; with `job`, those of one job."""
    return shapes.listing(here.service.webhooks.list(page, job_id=job), shapes.webhook, lambda each: each.id)


@router.get("/{webhook_id}", operation_id="webhooks_get")
def get(webhook_id: str, here: Here) -> schemas.Webhook:
    """One webhook, and whether it answers."""
    return shapes.webhook(here.service.webhooks.get(webhook_id))


@router.delete("/{webhook_id}", operation_id="webhooks_delete", status_code=204)
def delete(webhook_id: str, here: Here) -> None:
    """Tell it nothing more, and forget what was sent to it."""
    here.service.webhooks.remove(webhook_id)


@router.post("/{webhook_id}/rotate", operation_id="webhooks_rotate", response_model=schemas.Webhook)
def rotate(webhook_id: str, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Get a new secret. For 24 hours, messages are signed with both."""
    secret = secret_of(here.service.entropy(SECRET_BYTES))

    def turn() -> schemas.Webhook:
        changed = here.service.webhooks.change(webhook_id, lambda each, now: each.rotate(secret, now))
        return shapes.webhook(changed, reveal=True)

    return idempotency.answer_once(here.service.idempotency, idempotency.once(request, me, key), turn)


@router.post("/{webhook_id}/ping", operation_id="webhooks_ping", status_code=202, response_model=schemas.Delivery)
def ping(webhook_id: str, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Send a message that says nothing, to try it out. A disabled webhook is enabled."""
    message_id, store = here.service.new_id("msg"), here.service.webhooks
    promise = idempotency.once(request, me, key)
    return idempotency.answer_once(
        here.service.idempotency, promise, lambda: shapes.delivery(store.ping(webhook_id, message_id)), status=202
    )


@router.get("/{webhook_id}/deliveries", operation_id="webhooks_deliveries")
def deliveries(webhook_id: str, here: Here, page: Paging) -> schemas.List[schemas.Delivery]:
    """What was sent and what came back, the newest first."""
    found = here.service.webhooks.deliveries(webhook_id, page)
    return shapes.listing(found, shapes.delivery, lambda each: str(each.number))


@router.get("/{webhook_id}/deliveries/{number}", operation_id="webhooks_delivery")
def delivery(webhook_id: str, number: Number, here: Here) -> schemas.Delivery:
    """One message and its tries."""
    return shapes.delivery(here.service.webhooks.delivery(webhook_id, number))


@router.post(
    "/{webhook_id}/deliveries/{number}/replay",
    operation_id="webhooks_replay",
    status_code=202,
    response_model=schemas.Delivery,
)
def replay(
    webhook_id: str, number: Number, request: Request, here: Here, me: Me, key: idempotency.Key = None
) -> Response:
    """Send a message again, under its `webhook-id` of then. A disabled webhook is enabled."""
    promise, store = idempotency.once(request, me, key), here.service.webhooks
    return idempotency.answer_once(
        here.service.idempotency, promise, lambda: shapes.delivery(store.replay(webhook_id, number)), status=202
    )
