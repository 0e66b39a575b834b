"""Records with a check, in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from service.adapters.sql import idempotency
from service.adapters.sql.database import Database
from service.adapters.sql.rows import changes, columns, record
from service.domain import checks
from service.domain.checks import R
from service.domain.errors import FenceLost, NotFound
from service.domain.idempotency import Once
from service.domain.leases import LEASE_EXPIRED


class SqlChecks(Generic[R]):
    """What every port of such records has in common. waiting: the state in which one waits for its check."""

    def __init__(self, database: Database, table: sa.Table, kind: type[R], word: str, *, waiting: str) -> None:
        """word: what one is called."""
        self._database, self._table, self._word, self._waiting = database, table, word, waiting
        self._record: Callable[[RowMapping], R] = partial(record, kind)

    def add(self, record: R, *, once: Once | None = None) -> R:
        with self._database.write() as connection:
            self._require_known(connection, record)
            if once is not None:
                earlier = idempotency.link(self._database, connection, once, record.id)
                if earlier != record.id:
                    return self._get(connection, earlier)
            connection.execute(sa.insert(self._table).values(columns(record)))
            return record

    def get(self, record_id: str) -> R:
        with self._database.read() as connection:
            return self._get(connection, record_id)

    def claim(self, owner: str, *, lease_s: float) -> R | None:
        table = self._table.c
        waiting = self._query().where(table.state == self._waiting, table.owner.is_(None))
        with self._database.write() as connection:
            oldest = waiting.order_by(table.id).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(oldest).mappings().one_or_none()
            if row is None:
                return None
            return self._apply(connection, self._record(row), partial(checks.claim, owner=owner, lease_s=lease_s))

    def change(self, record_id: str, move: Callable[[R, datetime], R], *, fence: int | None) -> R:
        with self._database.write() as connection:
            try:
                held = self._get(connection, record_id, lock=True)
            except NotFound as error:
                if fence is None:
                    raise
                raise FenceLost(f"The {self._word} {record_id} was deleted; stop and write nothing") from error
            if fence is not None:
                held.lease.check(fence)
            return self._apply(connection, held, move)

    def reap(self) -> Sequence[R]:
        recover = partial(checks.recover, reason=LEASE_EXPIRED)
        with self._database.write() as connection:
            expired = sa.select(self._table).where(self._table.c.lease_until <= self._database.now(connection))
            query = expired.order_by(self._table.c.id).with_for_update(skip_locked=True)
            rows = connection.execute(query).mappings().all()
            return [self._apply(connection, self._record(row), recover) for row in rows]

    def _query(self) -> sa.Select[Any]:
        """All that are there."""
        return sa.select(self._table)

    def _require_known(self, connection: Connection, record: R) -> None:
        """Raise NotFound for what the record refers to and is not there."""

    def _get(self, connection: Connection, record_id: str, *, lock: bool = False) -> R:
        query = self._query().where(self._table.c.id == record_id)
        row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
        if row is None:
            raise NotFound.of(self._word, record_id)
        return self._record(row)

    def _apply(self, connection: Connection, before: R, move: Callable[[R, datetime], R]) -> R:
        after = move(before, self._database.now(connection))
        update = sa.update(self._table).where(self._table.c.id == before.id, self._table.c.fence == before.lease.fence)
        if connection.execute(update.values(**{"fence": after.lease.fence} | changes(before, after))).rowcount != 1:
            raise FenceLost(f"{before.id} was claimed by somebody else meanwhile; stop and write nothing")
        return after
