"""Connections and transactions: what differs between SQLite and PostgreSQL is here and nowhere else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url

from bpkd_core.errors import InvalidInput
from service.adapters.sql.types import Timestamp
from service.domain.errors import StorageFull, Unavailable

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 5
_WRITE = "bpkd_write"
_DISK_FULL = "53100"  # PostgreSQL's SQLSTATE


class Database:
    """A database, its transactions and its clock. Raises InvalidInput for a URL of another kind."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(_parse(url))
        self._writing = self.engine.execution_options(**{_WRITE: True})
        self._sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that sees one state of the database. Raises Unavailable."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction that writes all or nothing, durably; SQLite lets one in at a time. Raises Unavailable."""
        with _translated(), self._writing.begin() as connection:
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The database's time, UTC: the only clock that leases know."""
        if self._sqlite:
            text = connection.scalars(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now", type_=sa.String))).one()
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return connection.scalars(sa.select(sa.func.clock_timestamp(type_=Timestamp))).one()

    def insert_new(self, connection: Connection, table: sa.Table, row: dict[str, Any]) -> None:
        """Insert a row unless its key is there already; then wait until whoever writes it has committed."""
        dialect = sqlite if self._sqlite else postgresql
        connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing())

    def lock_schema(self, connection: Connection) -> None:
        """Let one process at a time change the schema, until the transaction ends."""
        if not self._sqlite:  # in SQLite, every writing transaction is alone
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x6270_6B64)))

    def refresh_statistics(self, connection: Connection) -> None:
        """Count again, where much has changed, what plans are chosen by; PostgreSQL does so by itself."""
        if self._sqlite:
            connection.exec_driver_sql("PRAGMA optimize = 0x10002")  # every table, as a connection that is new must ask

    def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        with self.read() as connection:
            connection.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise InvalidInput("The database URL cannot be read", param="database_url", hint=_URL_HINT) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg") or (
        parsed.drivername == "sqlite" and not _file(parsed)
    ):
        raise InvalidInput(
            f'The database URL starts with "{parsed.drivername}"; expected a SQLite file or PostgreSQL',
            param="database_url",
            hint=_URL_HINT,
        )
    return parsed


_URL_HINT = "Such as sqlite:////var/lib/bpkd/bpkd.sqlite or postgresql://user:password@host/name."


def _file(url: URL) -> bool:
    return url.database not in (None, "", ":memory:")


def _engine(url: URL) -> Engine:
    dumps = partial(json.dumps, allow_nan=False, separators=(",", ":"))
    if url.drivername == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url, json_serializer=dumps, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(
        url,
        json_serializer=dumps,
        pool_size=10,
        max_overflow=30,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself: _begin_sqlite does
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes later can fail half-way with `locked`."""
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Generator[None]:
    """The driver's errors as the domain's. What was asked is rolled back before they arrive here."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _translate(error) from error
    except exc.TimeoutError as error:
        raise Unavailable("Every connection to the database is taken; try again in a moment") from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidInput(f"A value cannot be stored ({error})") from error


def _translate(error: exc.DBAPIError) -> Exception:
    cause = error.orig
    if getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL" or getattr(cause, "sqlstate", None) == _DISK_FULL:
        return StorageFull("The database's disk is full; free some space")
    if isinstance(error, exc.DataError):
        return InvalidInput(f"A value cannot be stored ({cause})")
    unreadable = type(error) is exc.DatabaseError  # SQLite's word for a damaged file, or one that is no database
    if unreadable or isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated:
        return Unavailable(f"The database does not answer ({str(cause).strip()})")
    return error
