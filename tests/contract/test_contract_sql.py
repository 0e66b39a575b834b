"""What only databases can get wrong: the schema's history, killed processes, lost connections."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from stores import LEASE_S, NOW, Stores, empty, migrate, sql_stores

from service.adapters import sql
from service.adapters.sql import migrations
from service.adapters.sql.migrations import downgrade
from service.adapters.sql.tables import metadata
from service.domain import work
from service.domain.errors import Unavailable
from service.domain.keys import SCOPES
from service.domain.ports import Page


@contextmanager
def new_database(kind: str, folder: Path, postgres_url: str) -> Iterator[str]:
    """The URL of a database without a schema."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'new.sqlite'}"
        return
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE fresh"))
        yield postgres_url.replace("/postgres?", "/fresh?")
        connection.execute(sa.text("DROP DATABASE fresh WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    postgres_url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with new_database(request.param, tmp_path, postgres_url) as url:
        yield url


def test_the_migrations_make_the_schema_that_the_statements_expect(fresh_url: str) -> None:
    """A column that only tables.py knows would fail at the first user's, not here."""
    database = sql.Database(fresh_url)
    sql.upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_every_migration_goes_down_and_up_again(fresh_url: str) -> None:
    """Whoever must go back to the release before is not locked in; going up twice is harmless."""
    database = sql.Database(fresh_url)
    sql.upgrade(database)
    steps = sum(1 for _ in history())
    for _ in range(steps):
        downgrade(database, "-1")
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    for _ in range(steps):
        sql.upgrade(database, "+1")
    sql.upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_the_migrations_are_one_chain() -> None:
    """Two that name the same predecessor would leave every database at one of two ends."""
    newest_first = [each.revision for each in history()]
    assert [each.down_revision for each in history()] == [*newest_first[1:], None]


def history() -> list[Script]:
    """Every migration, the newest first."""
    return list(ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions())


def test_processes_that_start_together_migrate_once(fresh_url: str) -> None:
    """`docker compose up` starts API and workers in the same second."""
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(migrate, [fresh_url] * 6))
    stores = sql_stores(fresh_url)
    stores.add_job()
    stores.close()


SUBMITTER = """
import sys
sys.path.insert(0, sys.argv[1])
from stores import NOW
from service.adapters import sql
from service.domain.jobs import Job
database = sql.Database(sys.argv[2])
jobs = sql.SqlJobs(database)
for number in range(100_000):
    job = jobs.add(Job(f"job_{number:08d}", "streets", {"name": "streets"}, sys.argv[3], NOW))
    print(job.id, flush=True)
"""


def test_what_was_answered_survives_kill_9_and_nothing_is_half_written(sql_url: str) -> None:
    """F8: the process dies at any instant; every acknowledged job is there, each with its first event."""
    stores = sql_stores(sql_url)
    dataset = stores.add_dataset()
    command = [sys.executable, "-c", SUBMITTER, str(Path(__file__).parent), sql_url, dataset.id]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(30)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += process.stdout.read().split()
    process.stdout.close()
    process.wait()
    stored = [job.id for job in stores.jobs.list(Page(limit=100_000, order="asc")).data]
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) <= len(acknowledged) + 1  # at most the one whose answer was on its way
    for job_id in stored:
        assert [event.seq for event in stores.events.after(job_id)] == [1]
    stores.close()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[tuple[sql.Database, Stores]]:
    empty(postgres_url)
    database = sql.Database(postgres_url)
    stores = sql_stores(postgres_url)
    yield database, stores
    stores.close()
    database.close()


def cut_connections(database: sql.Database) -> None:
    with database.read() as connection:
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) {others}"))


def test_a_restarted_postgres_is_found_again(postgres: tuple[sql.Database, Stores]) -> None:
    """F14: connections that broke while nobody looked cost nothing."""
    database, stores = postgres
    job = stores.add_job()
    cut_connections(database)
    assert stores.jobs.get(job.id) == job


def test_a_connection_that_breaks_inside_a_write_is_unavailable_and_writes_nothing(
    postgres: tuple[sql.Database, Stores],
) -> None:
    """F14: the caller may try again, because nothing of it is there."""
    database, _stores = postgres
    other = sql.Database(database.engine.url.render_as_string(hide_password=False))

    def write_on_a_broken_connection() -> None:
        with other.write() as connection:
            connection.execute(sa.insert(metadata.tables["workers"]).values(_worker_row()))
            cut_connections(database)
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(Unavailable) as failed:
        write_on_a_broken_connection()
    assert failed.value.retryable
    assert list(sql.SqlWorkers(database).list(seen_within_s=10**9)) == []
    other.close()


def _worker_row() -> dict[str, object]:
    return {"id": "w", "host": "h", "pid": 1, "version": "0", "started_at": NOW, "seen_at": NOW, "holds": ()}


def test_a_held_row_does_not_stop_other_claims(postgres: tuple[sql.Database, Stores]) -> None:
    """SKIP LOCKED: a worker whose transaction hangs must not make the others wait for the oldest job."""
    database, stores = postgres
    dataset = stores.add_dataset()
    first, second = (stores.add_job(dataset_id=dataset.id) for _ in range(2))
    with database.write() as connection:
        table = metadata.tables["jobs"]
        connection.execute(sa.select(table).where(table.c.id == first.id).with_for_update())
        assert stores.claim("w1").id == second.id
        assert stores.claim_none()
    assert stores.claim("w1").id == first.id


def test_a_key_of_before_may_do_everything(fresh_url: str) -> None:
    """Whoever upgrades must not find the door shut; an old process, which knows no scopes, may still make keys."""
    database = sql.Database(fresh_url)
    old = {"id": "key_1", "name": "laptop", "sha256": "a" * 64, "created_at": NOW}
    sql.upgrade(database, "0003")
    for name in ("key_1", "key_2"):
        row = {**old, "id": name, "sha256": name}
        with database.write() as connection:
            connection.execute(sa.insert(metadata.tables["api_keys"]).values(row))
        sql.upgrade(database)
    assert [key.scopes for key in sql.SqlKeys(database).list()] == [SCOPES, SCOPES]
    database.close()


def test_passwords_stay_out_of_errors() -> None:
    """Errors reach logs and clients."""
    database = sql.Database("postgresql://user:canary@127.0.0.1:1/name")
    with pytest.raises(Unavailable) as failed:
        database.ping()
    assert "canary" not in str(failed.value) + repr(failed.value.to_dict())
    database.close()


def test_a_heartbeat_writes_what_changed_and_no_more(sqlite_url: str) -> None:
    """A day of training has 6,000 heartbeats; none needs to rewrite the request, the stages and the result."""
    stores = sql_stores(sqlite_url)
    stores.add_job()
    held = stores.claim()
    stores.elapse(10)
    written: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend(re.findall(r"(\w+)=\?", statement.partition(" WHERE ")[0]) if "UPDATE jobs" in statement else ())

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        job = work.beat(stores.jobs, held, lease_s=LEASE_S)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
        stores.close()
    assert sorted(written) == ["last_seq", "lease_until"]
    assert job.lease != held.lease
