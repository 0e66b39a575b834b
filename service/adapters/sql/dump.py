"""A database as files that any of our databases can read: a line of JSON for each row, and the schema's revision.

Tables are read as the database describes them, not as this release does, so that a backup of an earlier release can be
loaded: its schema is made, its rows are inserted, and the migrations do the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service.adapters.sql.database import Database
from service.adapters.sql.migrations import downgrade, revision_of, upgrade
from service.domain.errors import Conflict

REVISION = "revision.txt"
ROWS_AT_ONCE = 1000
_OF_THE_MOMENT = {"alembic_version", "workers", "chores"}


def dump(database: Database, folder: Path) -> int:
    """Write every table into a folder, as of one moment. Returns the number of rows."""
    with database.read() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        (folder / REVISION).write_text(revision_of(connection) or "")
        return sum(_write(connection, table, folder / f"{table.name}.jsonl") for table in _tables(connection))


def load(database: Database, folder: Path) -> int:
    """Fill an empty database and bring it to this release's schema. Raises Conflict for one that is not empty."""
    _require_empty(database)
    downgrade(database, "base")
    upgrade(database, (folder / REVISION).read_text())
    with database.write() as connection:
        rows = sum(_read(connection, table, folder / f"{table.name}.jsonl") for table in _tables(connection))
    upgrade(database)
    return rows


def _require_empty(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        for table in _tables(connection):
            if connection.execute(sa.select(table).limit(1)).first() is not None:
                raise Conflict(
                    f"The database has rows in {table.name}; a backup is only loaded into an empty one",
                    hint="Name a new database with BPKD_DATABASE_URL, or an empty BPKD_HOME.",
                )


def _tables(connection: sa.Connection) -> list[sa.Table]:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name not in _OF_THE_MOMENT]


def _write(connection: sa.Connection, table: sa.Table, file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(sa.select(table)).mappings():
            out.write(json.dumps({name: _plain(value) for name, value in row.items()}) + "\n")
            count += 1
    return count


def _read(connection: sa.Connection, table: sa.Table, file: Path) -> int:
    count = 0
    rows = _rows(connection, table, file)
    while block := list(islice(rows, ROWS_AT_ONCE)):
        connection.execute(sa.insert(table), block)
        count += len(block)
    return count


def _rows(connection: sa.Connection, table: sa.Table, file: Path) -> Iterator[dict[str, Any]]:
    times = {column.name for column in table.columns if isinstance(column.type, sa.DateTime)}
    naive = connection.dialect.name == "sqlite"
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield {name: _time(value, naive=naive) if name in times else value for name, value in row.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def _time(value: str | None, *, naive: bool) -> datetime | None:
    """A time as the database wants it: SQLite keeps UTC without saying so."""
    time = None if value is None else datetime.fromisoformat(value)
    return time.replace(tzinfo=None) if time is not None and naive else time
