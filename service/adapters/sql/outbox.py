"""How deliveries come about in SQL: in the transaction of what they tell of, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import tables
from service.adapters.sql.rows import columns, record
from service.domain import deliveries
from service.domain.deliveries import Delivery
from service.domain.errors import NotFound
from service.domain.events import StoredEvent
from service.domain.jobs import Job
from service.domain.webhooks import Told, Webhook, told_of

_hooks, _rows = tables.webhooks, tables.deliveries
as_webhook, as_delivery = partial(record, Webhook), partial(record, Delivery)


def subscribe(connection: Connection, webhook: Webhook) -> None:
    """Store a webhook. Raises NotFound for an unknown job."""
    if webhook.job_id is not None:
        known = sa.select(tables.jobs.c.id).where(tables.jobs.c.id == webhook.job_id)
        if connection.scalar(known) is None:
            raise NotFound.of("job", webhook.job_id)
    connection.execute(sa.insert(_hooks).values(**columns(webhook), last_number=0))


def announce(connection: Connection, job: Job, events: Sequence[StoredEvent], now: datetime) -> None:
    """Queue what a job's new events mean for webhooks."""
    told = told_of(job, events)
    if not told:
        return
    whom = sa.or_(_hooks.c.job_id.is_(None), _hooks.c.job_id == job.id)
    query = sa.select(_hooks).where(_hooks.c.disabled_at.is_(None), whom).order_by(_hooks.c.id).with_for_update()
    for webhook in map(as_webhook, connection.execute(query).mappings().all()):
        for each in told:
            if webhook.wants(each.event):
                queue(connection, webhook, each, now)


def queue(connection: Connection, webhook: Webhook, told: Told, now: datetime) -> Delivery:
    """Add a delivery, under the webhook's next number."""
    counted = sa.update(_hooks).where(_hooks.c.id == webhook.id).values(last_number=_hooks.c.last_number + 1)
    number = connection.scalars(counted.returning(_hooks.c.last_number)).one()
    delivery = deliveries.queue(webhook, number, told, now)
    connection.execute(sa.insert(_rows).values(columns(delivery)))
    return delivery


def due(connection: Connection, now: datetime, limit: int) -> list[tuple[str, int]]:
    """The first due delivery of each webhook to which nothing is being sent right now: webhook and number."""
    other = _rows.alias()
    busy = sa.exists().where(
        other.c.webhook_id == _rows.c.webhook_id, other.c.state == "sending", other.c.next_at > now
    )
    first = sa.select(_rows.c.webhook_id, sa.func.min(_rows.c.number)).where(_rows.c.next_at <= now, ~busy)
    query = first.group_by(_rows.c.webhook_id).order_by(sa.func.min(_rows.c.next_at)).limit(limit)
    return [(row[0], row[1]) for row in connection.execute(query)]
