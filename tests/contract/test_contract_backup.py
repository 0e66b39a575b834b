"""F54: a service is restored from its backup, on another kind of database than it was on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.services import publish
from test_contract_sql import new_database

from bpkd_core.errors import InvalidInput
from service.adapters.sql import Database
from service.adapters.sql.migrations import downgrade
from service.cli.backup import back_up, restore
from service.domain import work
from service.domain.errors import Conflict
from service.domain.keys import ApiKey, digest
from service.domain.ports import Page
from service.settings import MEMORY_URL, Settings, read_settings
from service.wiring import Service, wire


@pytest.fixture(params=[("sqlite", "postgres"), ("postgres", "sqlite")], ids=lambda kinds: "-to-".join(kinds))
def old_and_new(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[list[Settings]]:
    """Settings of two services without a schema, one on each kind of database."""
    homes = [tmp_path / "old", tmp_path / "new"]
    for home in homes:
        home.mkdir()
    first, second = request.param
    with new_database(first, homes[0], postgres_url) as old, new_database(second, homes[1], postgres_url) as new:
        yield [read_settings(home=home, database_url=url) for home, url in zip(homes, (old, new), strict=True)]


def fill(service: Service) -> None:
    """A published version, a job that runs, a key, and the content of an uploaded dataset."""
    publish(service)
    service.keys.add(ApiKey(service.new_id("key"), "me", digest("bpkd_secret"), service.now()))
    folder = service.settings.home / "datasets" / "ds_1"
    folder.mkdir(parents=True)
    (folder / "classes.json").write_text("[]")
    held = service.jobs.claim("w1", lease_s=60)
    assert held is not None
    work.beat(service.jobs, held, lease_s=60)


def test_a_restored_service_is_the_old_one(old_and_new: list[Settings], tmp_path: Path) -> None:
    """The day on which it is needed is not the day to find out; and it is the way from SQLite to PostgreSQL."""
    old, new = old_and_new
    service = wire(old)
    fill(service)
    (before,) = service.jobs.list(Page()).data
    told = service.events.after(before.id)
    assert back_up(old, tmp_path / "backup.tar").files == 1
    service.close()
    assert list(tmp_path.glob(".*")) == []

    restore(new, tmp_path / "backup.tar")
    service = wire(new)
    assert service.jobs.list(Page()).data == (before,)
    assert service.events.after(before.id) == told
    assert service.artifacts.path(service.models.version("street", 1).onnx_sha256).is_file()
    assert service.models.alias("street", "production").version == 1
    assert service.keys.find(digest("bpkd_secret")) is not None
    assert (new.home / "datasets" / "ds_1" / "classes.json").read_text() == "[]"
    service.close()
    with pytest.raises(Conflict, match="empty"):
        restore(new, tmp_path / "backup.tar")


def test_a_backup_of_an_earlier_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """The backup is always older than the release that it is restored with."""
    old, new = (read_settings(home=tmp_path / name) for name in ("old", "new"))
    wire(old).close()
    database = Database(old.database)
    downgrade(database, "0001")
    with database.write() as connection:
        row = "('key_1', 'me', 'hash', '2026-11-20 12:00:00')"
        connection.exec_driver_sql(f"INSERT INTO api_keys (id, name, sha256, created_at) VALUES {row}")
    database.close()
    back_up(old, tmp_path / "backup.tar", files=False)
    restore(new, tmp_path / "backup.tar")
    service = wire(new)
    assert [(key.name, key.may("write")) for key in service.keys.list()] == [("me", True)]
    service.close()


def test_memory_has_no_backup(tmp_path: Path) -> None:
    """A backup that holds nothing would be trusted until it is needed."""
    with pytest.raises(InvalidInput, match="memory"):
        back_up(read_settings(home=tmp_path, database_url=MEMORY_URL), tmp_path / "backup.tar")
