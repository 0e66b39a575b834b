"""`bpkd backup`, `bpkd restore`, `bpkd migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import AsJson, Home

if TYPE_CHECKING:
    from service.cli.backup import Contents
    from service.settings import Settings


def backup(
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The tar file to write.")],
    database_only: Annotated[
        bool, typer.Option("--database-only", help="Leave files out, where their store has a backup of its own.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write database and files into one tar file, while the service goes on."""
    from service.cli.backup import back_up

    _say(back_up(_settings(home), target, files=not database_only), f"is in {target}", as_json=as_json)


def restore(
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `bpkd backup` wrote.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fill an empty service from a backup, of this release or an earlier one, from SQLite or PostgreSQL."""
    from service.cli.backup import restore as restore_from

    _say(restore_from(_settings(home), source), "was restored", as_json=as_json)


def migrate(home: Home = None) -> None:
    """Bring the database to this release's schema. API and workers do so when they start; this does nothing else."""
    from service.cli.backup import migrate as migrate_to_head

    migrate_to_head(_settings(home))


def _settings(home: Path | None) -> Settings:
    from service.settings import read_settings

    return read_settings(**({} if home is None else {"home": home}))


def _say(contents: Contents, what: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from service.cli.output import write

    write(asdict(contents), f"{contents.rows} rows and {contents.files} files: the service {what}", as_json=as_json)
