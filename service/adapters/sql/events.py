"""What happened to jobs, in SQL: written with the job's row, read after a number."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.adapters.sql import outbox, tables
from service.adapters.sql.database import Database
from service.adapters.sql.rows import columns, record
from service.domain.events import NoteType, StoredEvent
from service.domain.lifecycle import Change

_events = tables.events
_MAX_SEQ = 2**31 - 1


class SqlEvents:
    """The port Events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(
        self, job_id: str, seq: int = 0, *, limit: int = 100, types: Sequence[NoteType] = ()
    ) -> Sequence[StoredEvent]:
        query = sa.select(_events).where(_events.c.job_id == job_id, _events.c.seq > min(seq, _MAX_SEQ))
        if types:
            query = query.where(_events.c.type.in_(types))
        query = query.order_by(_events.c.seq).limit(limit)
        with self._database.read() as connection:
            return [record(StoredEvent, row) for row in connection.execute(query).mappings()]

    def newest(self, job_id: str, *, limit: int, types: Sequence[NoteType]) -> Sequence[StoredEvent]:
        query = sa.select(_events).where(_events.c.job_id == job_id, _events.c.type.in_(types))
        query = query.order_by(_events.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            return [record(StoredEvent, row) for row in connection.execute(query).mappings()][::-1]


def tell(connection: Connection, change: Change, *, after: int, now: datetime) -> None:
    """Write a change's events in the transaction of its job. after: the number of the job's newest event so far."""
    told = [
        StoredEvent(change.job.id, seq, note.type, now, note.data)
        for seq, note in enumerate(change.notes, start=after + 1)
    ]
    if told:
        connection.execute(sa.insert(_events), [columns(event) for event in told])
        outbox.announce(connection, change.job, told, now)
