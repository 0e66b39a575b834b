"""All that a service keeps in one tar file, and a service from such a file.

::

    rows/TABLE.jsonl   the database, as of one moment
    files/SHA256       published files, which never change; so those that rows name are there, whenever they are read
    datasets/ID/...    the content of uploaded datasets

What jobs have begun is not in it: a job that ran goes on from the start. Secrets are not in it either.
"""

from __future__ import annotations

import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bpkd_core.errors import InvalidInput
from service.adapters.sql import Database
from service.adapters.sql.dump import dump, load
from service.settings import MEMORY_URL, Settings
from service.wiring import wire

ROWS, FILES, DATASETS = "rows", "files", "datasets"


@dataclass(frozen=True)
class Contents:
    """What a backup holds."""

    rows: int
    files: int


def back_up(settings: Settings, target: Path, *, files: bool = True) -> Contents:
    """Write a backup of a service that may go on working. files: False for the database alone.

    The file appears when it is whole. Raises InvalidInput for a store in memory.
    """
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent) as rows, tarfile.open(unfinished, "w") as tar:
            with closing(_database(settings)) as database:
                count = dump(database, Path(rows))
            tar.add(rows, ROWS)
            kept = _add_files(tar, settings) if files else 0
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return Contents(count, kept)


def restore(settings: Settings, source: Path) -> Contents:
    """Fill an empty service from a backup. Raises Conflict for one that is not empty."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home) as folder, tarfile.open(source) as tar:
        tar.extractall(folder, filter="data")  # which refuses what would leave the folder
        unpacked = Path(folder)
        with closing(_database(settings)) as database:
            count = load(database, unpacked / ROWS)
        with closing(wire(settings)) as service:
            kept = [service.artifacts.keep(file) for file in sorted((unpacked / FILES).glob("*"))]
        if (unpacked / DATASETS).is_dir():
            (unpacked / DATASETS).replace(settings.home / DATASETS)
    return Contents(count, len(kept))


def migrate(settings: Settings) -> None:
    """Bring the database to this release's schema, which every process does at its start as well."""
    wire(settings).close()


def _add_files(tar: tarfile.TarFile, settings: Settings) -> int:
    with closing(wire(settings)) as service:
        hashes = list(service.artifacts.kept(before=service.now()))
        for sha256 in hashes:
            tar.add(service.artifacts.path(sha256), f"{FILES}/{sha256}")
    if (datasets := settings.home / DATASETS).is_dir():
        tar.add(datasets, DATASETS)
    return len(hashes)


def _database(settings: Settings) -> Database:
    if settings.database == MEMORY_URL:
        raise InvalidInput(
            "A store in memory has no backup; expected a SQLite file or PostgreSQL", param="database_url"
        )
    return Database(settings.database)
