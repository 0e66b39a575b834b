"""The schema's history, applied with Alembic at the start of every process, one at a time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from service.adapters.sql.database import Database
from service.domain.errors import Conflict


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction. Raises Conflict for a schema that is newer than this code."""
    with database.write() as connection:
        database.lock_schema(connection)
        try:
            command.upgrade(_config(connection), revision)
        except CommandError as error:
            raise Conflict(
                f"The database's schema is not known here ({error}); expected one of this or an earlier version",
                hint="Start the newer bpkd that made it, or restore a backup.",
            ) from error


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; `base` empties the database."""
    with database.write() as connection:
        database.lock_schema(connection)
        command.downgrade(_config(connection), revision)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
