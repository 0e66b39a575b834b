"""Webhooks and their deliveries in SQL. How deliveries come about is in service/adapters/sql/outbox.py.

Whoever locks both takes the webhook's row first and the delivery's second, so that nobody waits in a circle.
"""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import idempotency, outbox, tables
from service.adapters.sql.database import Database
from service.adapters.sql.outbox import as_delivery, as_webhook
from service.adapters.sql.rows import changes, listing
from service.domain import deliveries
from service.domain.deliveries import Attempt, Delivery
from service.domain.errors import NotFound
from service.domain.idempotency import Once
from service.domain.jobs import TERMINAL
from service.domain.ports import Listing, Page, WebhookMove
from service.domain.webhooks import Told, Webhook

_hooks, _rows = tables.webhooks, tables.deliveries


class SqlWebhooks:
    """The port Webhooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, webhook: Webhook, *, once: Once | None = None) -> Webhook:
        with self._database.write() as connection:
            if once is not None:
                earlier = idempotency.link(self._database, connection, once, webhook.id)
                if earlier != webhook.id:
                    return _get(connection, earlier)
            outbox.subscribe(connection, webhook)
            return webhook

    def get(self, webhook_id: str) -> Webhook:
        with self._database.read() as connection:
            return _get(connection, webhook_id)

    def list(self, page: Page, *, job_id: str | None = None) -> Listing[Webhook]:
        query = sa.select(_hooks) if job_id is None else sa.select(_hooks).where(_hooks.c.job_id == job_id)
        with self._database.read() as connection:
            return listing(connection, query, _hooks.c.id, page, as_webhook, after=page.after)

    def change(self, webhook_id: str, move: WebhookMove) -> Webhook:
        with self._database.write() as connection:
            before = _get(connection, webhook_id, lock=True)
            return _update(connection, before, move(before, self._database.now(connection)))

    def remove(self, webhook_id: str) -> None:
        with self._database.write() as connection:
            _get(connection, webhook_id, lock=True)
            connection.execute(sa.delete(_rows).where(_rows.c.webhook_id == webhook_id))
            connection.execute(sa.delete(_hooks).where(_hooks.c.id == webhook_id))

    def ping(self, webhook_id: str, message_id: str) -> Delivery:
        told = Told(message_id, "ping", {"webhook": webhook_id})
        with self._database.write() as connection:
            webhook = _enable(connection, webhook_id)
            return outbox.queue(connection, webhook, told, self._database.now(connection))

    def delivery(self, webhook_id: str, number: int) -> Delivery:
        with self._database.read() as connection:
            return _one(connection, webhook_id, number)

    def deliveries(self, webhook_id: str, page: Page) -> Listing[Delivery]:
        query = sa.select(_rows).where(_rows.c.webhook_id == webhook_id)
        with self._database.read() as connection:
            _get(connection, webhook_id)
            return listing(connection, query, _rows.c.number, page, as_delivery, after=page.after_number)

    def replay(self, webhook_id: str, number: int) -> Delivery:
        with self._database.write() as connection:
            _enable(connection, webhook_id)
            before = _one(connection, webhook_id, number)
            return _write(connection, before, before.replay(self._database.now(connection)))

    def claim(self, limit: int) -> Sequence[tuple[Webhook, Delivery]]:
        with self._database.read() as connection:
            due = outbox.due(connection, self._database.now(connection), limit)
        held: list[tuple[Webhook, Delivery]] = []
        for webhook_id, number in due:
            with self._database.write() as connection:
                held += self._take(connection, webhook_id, number)
        return held

    def _take(self, connection: Connection, webhook_id: str, number: int) -> Sequence[tuple[Webhook, Delivery]]:
        """Whether it is still due shows only now, with its webhook locked."""
        webhook, now = _find(connection, webhook_id, lock=True), self._database.now(connection)
        ours = (_rows.c.webhook_id == webhook_id, _rows.c.number == number, _rows.c.next_at <= now)
        row = connection.execute(sa.select(_rows).where(*ours)).mappings().one_or_none()
        if webhook is None or row is None:
            return ()
        before = as_delivery(row)
        return ((webhook, _write(connection, before, before.claim(now))),)

    def conclude(self, held: Delivery, attempt: Attempt) -> Delivery:
        with self._database.write() as connection:
            before = _find(connection, held.webhook_id, lock=True)
            if before is None or _one(connection, held.webhook_id, held.number) != held:
                return held
            webhook, delivery = deliveries.conclude(before, held, attempt, self._database.now(connection))
            _update(connection, before, webhook)
            if webhook.disabled_at is not None:
                waiting = (_rows.c.webhook_id == webhook.id, _rows.c.state == "pending")
                connection.execute(sa.update(_rows).where(*waiting).values(state="failed", next_at=None))
            return _write(connection, held, delivery)

    def sweep(self, *, kept_s: float) -> int:
        jobs = tables.jobs.c
        with self._database.write() as connection:
            horizon = self._database.now(connection) - timedelta(seconds=kept_s)
            old = sa.delete(_rows).where(_rows.c.created_at < horizon, _rows.c.next_at.is_(None))
            gone = connection.execute(old).rowcount
            ended = sa.select(jobs.id).where(jobs.status.in_(sorted(TERMINAL)), jobs.finished_at < horizon)
            idle = ~sa.exists().where(_rows.c.webhook_id == _hooks.c.id)
            connection.execute(sa.delete(_hooks).where(_hooks.c.job_id.in_(ended), idle))
            return gone


def _enable(connection: Connection, webhook_id: str) -> Webhook:
    before = _get(connection, webhook_id, lock=True)
    return _update(connection, before, before.enable())


def _get(connection: Connection, webhook_id: str, *, lock: bool = False) -> Webhook:
    found = _find(connection, webhook_id, lock=lock)
    if found is None:
        raise NotFound.of("webhook", webhook_id)
    return found


def _find(connection: Connection, webhook_id: str, *, lock: bool) -> Webhook | None:
    query = sa.select(_hooks).where(_hooks.c.id == webhook_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else as_webhook(row)


def _one(connection: Connection, webhook_id: str, number: int) -> Delivery:
    query = sa.select(_rows).where(_rows.c.webhook_id == webhook_id, _rows.c.number == number)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound.of(f"delivery of webhook {webhook_id}", number)
    return as_delivery(row)


def _update(connection: Connection, before: Webhook, after: Webhook) -> Webhook:
    if changed := changes(before, after):
        connection.execute(sa.update(_hooks).where(_hooks.c.id == before.id).values(changed))
    return after


def _write(connection: Connection, before: Delivery, after: Delivery) -> Delivery:
    ours = (_rows.c.webhook_id == before.webhook_id, _rows.c.number == before.number)
    if changed := changes(before, after):
        connection.execute(sa.update(_rows).where(*ours).values(changed))
    return after
