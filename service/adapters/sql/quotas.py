"""The limits of API keys in SQL. Whoever counts the jobs of a key holds the key's row, so that nobody counts beside."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from service.adapters.sql import tables
from service.domain.jobs import Status
from service.domain.keys import refuse_queued

_keys, _jobs = tables.api_keys, tables.jobs


def require_room(connection: Connection, key_id: str | None) -> None:
    """Raise QuotaExceeded if the key may not queue another job."""
    row = _held(connection, key_id)
    if row is not None and row["max_queued"] is not None:
        refuse_queued(_count(connection, key_id, "queued"), row["max_queued"])


def may_start(connection: Connection, key_id: str | None) -> bool:
    """Whether the key may run another job."""
    row = _held(connection, key_id)
    return row is None or row["max_running"] is None or _count(connection, key_id, "running") < row["max_running"]


def _held(connection: Connection, key_id: str | None) -> RowMapping | None:
    """The key's row, locked; None for a job that nobody's key asked for, or one that was revoked since."""
    if key_id is None:
        return None
    return connection.execute(sa.select(_keys).where(_keys.c.id == key_id).with_for_update()).mappings().one_or_none()


def _count(connection: Connection, key_id: str | None, status: Status) -> int:
    query = sa.select(sa.func.count()).where(_jobs.c.created_by == key_id, _jobs.c.status == status)
    return connection.scalars(query).one()
