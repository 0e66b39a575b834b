"""The store's chores in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from service.adapters.sql import tables
from service.adapters.sql.database import Database
from service.adapters.sql.types import Json
from service.domain.upkeep import surplus

_HASH = re.compile("[0-9a-f]{64}")
_THINNED = ("metrics", "log")
_FORGOTTEN = timedelta(days=1)
_events, _chores, _answers, _workers = tables.events, tables.chores, tables.idempotency, tables.workers


class SqlUpkeep:
    """The port Upkeep."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, chore: str, *, every_s: float) -> bool:
        with self._database.write() as connection:
            now = self._database.now(connection)
            self._database.insert_new(connection, _chores, {"name": chore, "due_at": now})
            due = sa.update(_chores).where(_chores.c.name == chore, _chores.c.due_at <= now)
            return connection.execute(due.values(due_at=now + timedelta(seconds=every_s))).rowcount == 1

    def named_artifacts(self) -> Iterator[str]:
        with self._database.read() as connection:
            for query in _where_hashes_are():
                for (text,) in connection.execution_options(yield_per=1000).execute(query):
                    yield from _HASH.findall(text or "")

    def thin_events(self, *, keep: int) -> int:
        with self._database.read() as connection:
            crowded = connection.execute(_crowded(keep)).all()
        return sum(self._thin(job_id, share=-(-count // keep)) for job_id, count in crowded)

    def forget(self) -> int:
        with self._database.write() as connection:
            now = self._database.now(connection)
            answers = connection.execute(sa.delete(_answers).where(_answers.c.expires_at <= now))
            workers = connection.execute(sa.delete(_workers).where(_workers.c.seen_at < now - _FORGOTTEN))
            self._database.refresh_statistics(connection)
            return answers.rowcount + workers.rowcount

    def _thin(self, job_id: str, *, share: int) -> int:
        gone = [seq for kind in _THINNED for seq in surplus(self._numbers(job_id, kind), share)]
        for some in _batches(gone, 500):  # each a transaction of its own: SQLite lets one write at a time
            with self._database.write() as connection:
                connection.execute(sa.delete(_events).where(_events.c.job_id == job_id, _events.c.seq.in_(some)))
        return len(gone)

    def _numbers(self, job_id: str, kind: str) -> list[int]:
        query = sa.select(_events.c.seq).where(_events.c.job_id == job_id, _events.c.type == kind)
        with self._database.read() as connection:
            return list(connection.scalars(query.order_by(_events.c.seq)))


def _where_hashes_are() -> Iterator[sa.Select[Any]]:
    """Every column that can hold one, whichever record it belongs to: a table that is added later is not forgotten."""
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Json):
                text = sa.cast(column, sa.Text)
                query = sa.select(text).where(column.is_not(None))
                yield query.where(text.like("%sha256%")) if table is _events else query
            elif column.name.endswith("sha256"):
                yield sa.select(column)


def _crowded(keep: int) -> sa.Select[Any, int]:
    """Jobs with more than `keep` events that can be thinned out, and how many."""
    many = sa.select(tables.jobs.c.id).where(tables.jobs.c.last_seq > keep)
    thinned = sa.select(_events.c.job_id, sa.func.count()).where(_events.c.type.in_(_THINNED))
    return thinned.where(_events.c.job_id.in_(many)).group_by(_events.c.job_id).having(sa.func.count() > keep)


def _batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))
