"""The queue in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

import sqlalchemy as sa

from service.adapters.sql import tables
from service.adapters.sql.database import Database
from service.domain.ports.queue import Census

_jobs = tables.jobs


class SqlQueue:
    """The port Queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def census(self) -> Census:
        counted = sa.select(_jobs.c.status, sa.func.count().label("jobs")).group_by(_jobs.c.status)
        waiting = sa.select(_jobs.c.created_at).where(_jobs.c.status == "queued").order_by(_jobs.c.id).limit(1)
        with self._database.read() as connection:
            jobs = {row.status: row.jobs for row in connection.execute(counted)}
            oldest = connection.scalars(waiting).one_or_none()
            now = self._database.now(connection)
        return Census(jobs, None if oldest is None else (now - oldest).total_seconds())
