from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from bpkd_core.errors import InvalidInput
from service.adapters import sql
from service.adapters.sql import database as database_module
from service.adapters.sql.types import Json, Timestamp
from service.domain.datasets import Dataset
from service.domain.errors import StorageFull, Unavailable
from service.domain.jobs import Progress

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sql.Database]:
    database = sql.Database(f"sqlite:///{tmp_path / 'new' / 'bpkd.sqlite'}")
    yield database
    database.close()


def pragma(database: sql.Database, name: str) -> object:
    with database.read() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_sqlite_waits_for_the_disk_and_for_its_turn(database: sql.Database) -> None:
    """What was answered survives a power cut, readers never wait for the writer, and writers wait for each other."""
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2  # FULL
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "busy_timeout") == 30_000


def test_a_write_that_raises_leaves_nothing(database: sql.Database) -> None:
    """Also the schema is rolled back: SQLite's driver would commit before it, if it were let."""

    def write_and_fail() -> None:
        with database.write() as connection:
            connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM sqlite_master")) == 0


def test_a_writer_holds_the_lock_from_its_first_moment(database: sql.Database) -> None:
    """A transaction that reads before it writes would otherwise fail half-way when another writes in between."""
    with database.write() as connection:
        connection.execute(sa.text("SELECT 1"))
        other = sqlite3.connect(str(database.engine.url.database), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_locked_database_is_waited_for(database: sql.Database) -> None:
    """F13: a backup or another process holds the lock for a while; nobody sees an error."""
    sql.upgrade(database)
    blocker = sqlite3.connect(str(database.engine.url.database), isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: blocker.execute("COMMIT")).start()
    sql.SqlDatasets(database).add(Dataset("ds_1", "x", "/x", NOW))
    assert not blocker.in_transaction
    blocker.close()


def test_a_database_that_stays_locked_is_unavailable(database: sql.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 30 s the caller hears that it may try again; here after none."""
    sql.upgrade(database)
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0)
    other = sql.SqlDatasets(impatient := sql.Database(f"sqlite:///{database.engine.url.database}"))
    with database.write(), pytest.raises(Unavailable, match="locked") as failed:
        other.add(Dataset("ds_1", "x", "/x", NOW))
    impatient.close()
    assert failed.value.retryable


def test_a_full_disk_is_said_to_be_full(database: sql.Database) -> None:
    """F16: the caller can do something about it, and nothing is half-written."""
    sql.upgrade(database)
    datasets = sql.SqlDatasets(database)
    pages = pragma(database, "page_count")
    sa.event.listen(
        database.engine, "begin", lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    )
    with pytest.raises(StorageFull, match="full"):
        datasets.add(Dataset("ds_1", "x" * 10**6, "/x", NOW))


def test_a_file_that_is_no_database_is_unavailable_and_not_overwritten(tmp_path: Path) -> None:
    """A wrong path in a setting must not destroy what lies there."""
    path = tmp_path / "thesis.doc"
    path.write_bytes(b"chapter one " * 1000)
    database = sql.Database(f"sqlite:///{path}")
    with pytest.raises(Unavailable):
        database.ping()
    database.close()
    assert path.read_bytes() == b"chapter one " * 1000


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "not a url", "sqlite+aiosqlite:///x"]
)
def test_a_url_of_another_kind_is_refused_with_an_example(url: str) -> None:
    """A private in-memory SQLite would be another one for every connection."""
    with pytest.raises(InvalidInput) as refused:
        sql.Database(url)
    assert refused.value.param == "database_url"
    assert "sqlite:////" in (refused.value.hint or "")


def test_a_postgres_url_takes_the_driver_that_is_installed() -> None:
    """People copy `postgresql://` from their provider's page."""
    database = sql.Database("postgresql://user:secret@127.0.0.1:1/name")
    assert database.engine.url.drivername == "postgresql+psycopg"
    with pytest.raises(Unavailable) as failed:
        database.ping()
    assert "secret" not in str(failed.value)
    database.close()


def test_the_clock_is_the_databases_and_aware(database: sql.Database) -> None:
    """Within a second of ours here, as both run on one machine."""
    with database.read() as connection:
        now = database.now(connection)
    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=60)


def test_times_are_stored_as_utc_and_naive_ones_refused(database: sql.Database) -> None:
    """Two hours of silent shift would look like a lost lease."""
    table = sa.Table("t", sa.MetaData(), sa.Column("at", Timestamp))
    with database.write() as connection:
        table.create(connection)
        connection.execute(sa.insert(table).values(at=NOW.astimezone(timezone(timedelta(hours=2)))))
        back = connection.scalars(sa.select(table.c.at)).one()
        assert (back, back.utcoffset()) == (NOW, timedelta(0))
        with pytest.raises(sa.exc.StatementError, match="no time zone"):
            connection.execute(sa.insert(table).values(at=NOW.replace(tzinfo=None)))


def test_json_columns_give_the_domains_values_back(database: sql.Database) -> None:
    """A dataclass goes in and comes out; None is SQL's NULL; NaN is refused, because other readers choke on it."""
    table = sa.Table("t", sa.MetaData(), sa.Column("p", Json(Progress)), sa.Column("o", Json(dict[str, float])))
    progress = Progress("training_student", 12.5, 1, 8, None, 3.0)
    with database.write() as connection:
        table.create(connection)
        connection.execute(sa.insert(table).values(p=progress, o=None))
        assert connection.execute(sa.select(table)).one() == (progress, None)
        assert connection.scalar(sa.text("SELECT o IS NULL FROM t")) == 1
        with pytest.raises(sa.exc.StatementError, match="not JSON compliant"):
            connection.execute(sa.insert(table).values(p=None, o={"loss": float("nan")}))


def test_a_schema_of_a_later_version_is_left_as_it_is(database: sql.Database, caplog: pytest.LogCaptureFixture) -> None:
    """F53: while replicas are replaced one by one, an old one runs on beside the new schema, and says so."""
    sql.upgrade(database)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    sql.upgrade(database)
    assert "of a later release (9999)" in caplog.text
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"
