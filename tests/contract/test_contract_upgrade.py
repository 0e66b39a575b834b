"""F53: processes of two releases on one database, and a database of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from stores import Stores, migrate, sql_stores
from test_contract_sql import fresh_url

from service.adapters import sql
from service.adapters.sql.migrations import downgrade, require_schema, upgrade
from service.domain import work
from service.domain.errors import Unavailable

__all__ = ["fresh_url"]


@pytest.fixture
def database(fresh_url: str) -> Iterator[sql.Database]:
    migrate(fresh_url)
    database = sql.Database(fresh_url)
    yield database
    database.close()


@pytest.fixture
def stores(fresh_url: str, database: sql.Database) -> Iterator[Stores]:
    stores = sql_stores(fresh_url)
    yield stores
    stores.close()


def expand(database: sql.Database) -> None:
    """What the next release may do to the schema: add, and nothing else."""
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE next_release (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN next_release VARCHAR"))
        connection.execute(sa.text("ALTER TABLE events ADD COLUMN next_release INTEGER NOT NULL DEFAULT 0"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'next'"))


def test_an_old_process_starts_and_works_on_the_next_release(database: sql.Database, stores: Stores) -> None:
    """A rolling upgrade: the API is new already, and an old worker is in the middle of a two-day job, or restarted."""
    expand(database)
    upgrade(database)
    require_schema(database)
    stores.add_job()
    held = stores.claim()
    work.beat(stores.jobs, held, lease_s=60)
    work.give_back(stores.jobs, held)
    assert stores.claim("w2").lease.fence == 2


def test_a_schema_that_is_too_old_is_not_ready(database: sql.Database) -> None:
    """A backup was restored beneath a running server: it must not answer with errors, one by one."""
    require_schema(database)
    downgrade(database, "-1")
    with pytest.raises(Unavailable, match="schema is at"):
        require_schema(database)
    upgrade(database)
    require_schema(database)
