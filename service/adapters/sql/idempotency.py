"""Idempotency-Keys in SQL. The first writer of a key holds its row until it commits; the others wait for it."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from service.adapters.sql.database import Database
from service.adapters.sql.tables import idempotency as _table
from service.domain.errors import IdempotencyInFlight
from service.domain.idempotency import IN_FLIGHT_S, KEEP_S, Answer, Once


class SqlIdempotency:
    """The port Idempotency."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, once: Once) -> Answer | None:
        with self._database.write() as connection:
            now = self._database.now(connection)
            row = _row(self._database, connection, once, now)
            if row["answer"] is not None:
                return row["answer"]
            if row["held_until"] is not None and row["held_until"] > now:
                raise IdempotencyInFlight.of(once.key)
            connection.execute(_update(once).values(held_until=now + timedelta(seconds=IN_FLIGHT_S)))
            return None

    def finish(self, once: Once, answer: Answer) -> None:
        with self._database.write() as connection:
            _row(self._database, connection, once, self._database.now(connection))
            connection.execute(_update(once).values(answer=answer, held_until=None))
            self._forget_old(connection)

    def abandon(self, once: Once) -> None:
        with self._database.write() as connection:
            connection.execute(_update(once).values(held_until=None))

    def _forget_old(self, connection: Connection) -> None:
        """Delete some rows whose time is over, but wait for nobody who holds one."""
        old = sa.select(_table.c.scope, _table.c.key).where(_table.c.expires_at <= self._database.now(connection))
        some = old.limit(100).with_for_update(skip_locked=True)
        connection.execute(sa.delete(_table).where(sa.tuple_(_table.c.scope, _table.c.key).in_(some)))


def link(database: Database, connection: Connection, once: Once, resource_id: str) -> str:
    """Bind a key to what it creates, in the creator's transaction; returns what it is bound to, the first one's id."""
    row = _row(database, connection, once, database.now(connection))
    if row["resource_id"] is None:
        connection.execute(_update(once).values(resource_id=resource_id))
    return row["resource_id"] or resource_id


def _row(database: Database, connection: Connection, once: Once, now: datetime) -> RowMapping:
    """The key's row, locked; new if there was none or it was too old. Raises IdempotencyMismatch."""
    ours = (_table.c.scope == once.scope, _table.c.key == once.key)
    connection.execute(sa.delete(_table).where(*ours, _table.c.expires_at <= now))
    database.insert_new(
        connection,
        _table,
        {
            "scope": once.scope,
            "key": once.key,
            "body_sha256": once.body_sha256,
            "expires_at": now + timedelta(seconds=KEEP_S),
        },
    )
    row = connection.execute(sa.select(_table).where(*ours).with_for_update()).mappings().one()
    once.check(row["body_sha256"])
    return row


def _update(once: Once) -> sa.Update:
    return sa.update(_table).where(_table.c.scope == once.scope, _table.c.key == once.key)
