"""Each test of a port runs on every store: in memory, on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.postgres_server import running_postgres
from stores import Stores, empty, memory_stores, migrate, sql_stores


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied: a migration for each test would take longer than the test."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL with the schema."""
    with running_postgres() as server:
        migrate(server.url)
        yield server.url


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    """A SQLite database with the schema."""
    return f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'bpkd.sqlite')}"


@pytest.fixture(params=["sqlite", "postgres"])
def sql_url(request: pytest.FixtureRequest) -> str:
    """An empty database with the schema."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    if request.param == "postgres":
        empty(url)
    return url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """An empty store."""
    if request.param == "memory":
        stores = memory_stores()
    else:
        url: str = request.getfixturevalue(f"{request.param}_url")
        if request.param == "postgres":
            empty(url)
        stores = sql_stores(url)
    yield stores
    stores.close()
