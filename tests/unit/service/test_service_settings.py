from __future__ import annotations

from pathlib import Path

import pytest

from bpkd_core.errors import InvalidInput
from service.settings import Settings, read_settings


def test_the_defaults_need_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The embedded default: a file for the database, a folder for the files, no broker, loopback only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = read_settings()
    assert settings.home == tmp_path / ".bpkd"
    assert settings.database == f"sqlite:///{tmp_path}/.bpkd/bpkd.sqlite"
    assert settings.artifacts_folder == tmp_path / ".bpkd" / "artifacts"
    assert (settings.redis_url, settings.host, settings.auth) == (None, "127.0.0.1", "auto")


def test_the_environment_is_read_and_an_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bpkd up --port 9000` beats BPKD_PORT."""
    monkeypatch.setenv("BPKD_PORT", "8001")
    monkeypatch.setenv("BPKD_IMPORT_ROOTS", "/data:/mnt/sets")
    monkeypatch.setenv("BPKD_ALLOWED_HOSTS", "a.example, b.example")
    assert read_settings().port == 8001
    assert read_settings(port=9000).port == 9000
    assert read_settings().import_roots == (Path("/data"), Path("/mnt/sets"))
    assert read_settings().allowed_hosts == ("a.example", "b.example")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file passes on what `.env` leaves out as an empty string."""
    monkeypatch.setenv("BPKD_REDIS_URL", "")
    monkeypatch.setenv("BPKD_PORT", "")
    assert (read_settings().redis_url, read_settings().port) == (None, 8400)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container's password stays out of its environment, which everybody may print."""
    monkeypatch.setattr("service.settings.SECRETS", tmp_path)
    (tmp_path / "bpkd_database_url").write_text("postgresql://bpkd:secret@postgres/bpkd\n")
    assert read_settings().database == "postgresql://bpkd:secret@postgres/bpkd"
    monkeypatch.setenv("BPKD_DATABASE_URL", "memory://")
    assert read_settings().database == "memory://"


def test_a_relative_home_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker starts children in other folders; they must find the same database."""
    monkeypatch.chdir(tmp_path)
    assert read_settings(home="here").home == tmp_path / "here"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BPKD_PORT", "many", "BPKD_PORT"),
        ("BPKD_PORT", "70000", "BPKD_PORT"),
        ("BPKD_AUTH", "maybe", "BPKD_AUTH"),
        ("BPKD_LEASE_S", "0", "BPKD_LEASE_S"),
        ("BPKD_HEARTBEAT_S", "31", "half of lease_s"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    """A service that starts with a setting it did not understand is found out at the worst time."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=says):
        read_settings()


def test_every_setting_is_described() -> None:
    """The reference page is made from these sentences."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
