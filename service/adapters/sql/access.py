"""API keys and workers in SQL."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from service.adapters.sql import tables
from service.adapters.sql.database import Database
from service.adapters.sql.rows import columns, record
from service.domain.errors import NotFound
from service.domain.keys import ApiKey
from service.domain.workers import Worker

_keys, _workers = tables.api_keys, tables.workers


class SqlKeys:
    """The port Keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        with self._database.write() as connection:
            self._database.insert_new(connection, _keys, columns(key))

    def find(self, sha256: str) -> ApiKey | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(_keys).where(_keys.c.sha256 == sha256)).mappings().one_or_none()
            return None if row is None else record(ApiKey, row)

    def touch(self, key_id: str) -> None:
        with self._database.write() as connection:
            now = self._database.now(connection)
            connection.execute(sa.update(_keys).where(_keys.c.id == key_id).values(last_used_at=now))

    def list(self) -> Sequence[ApiKey]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(_keys).order_by(_keys.c.id)).mappings()
            return [record(ApiKey, row) for row in rows]

    def revoke(self, key_id: str) -> None:
        with self._database.write() as connection:
            if connection.execute(sa.delete(_keys).where(_keys.c.id == key_id)).rowcount == 0:
                raise NotFound.of("key", key_id)


class SqlWorkers:
    """The port Workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, worker: Worker) -> None:
        with self._database.write() as connection:
            row = columns(replace(worker, seen_at=self._database.now(connection)))
            self._database.insert_new(connection, _workers, row)
            connection.execute(sa.update(_workers).where(_workers.c.id == worker.id).values(row))

    def leave(self, worker_id: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(_workers).where(_workers.c.id == worker_id))

    def list(self, *, seen_within_s: float = 60.0) -> Sequence[Worker]:
        with self._database.read() as connection:
            horizon = self._database.now(connection) - timedelta(seconds=seen_within_s)
            query = sa.select(_workers).where(_workers.c.seen_at >= horizon).order_by(_workers.c.id)
            return [record(Worker, row) for row in connection.execute(query).mappings()]
