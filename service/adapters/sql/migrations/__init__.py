"""The schema's history, applied with Alembic at the start of every process, one at a time.

Releases expand first and contract later (docs/ops/upgrade.md): a process runs on the schema of the release after its
own, so that an old worker goes on, and starts again, beside a new API.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.adapters.sql.database import Database
from service.domain.errors import Unavailable

_log = logging.getLogger(__name__)


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction. One that is newer than this code is left as it is."""
    with database.write() as connection:
        database.lock_schema(connection)
        if (found := revision_of(connection)) in (None, *_known()):
            command.upgrade(_config(connection), revision)
        else:
            _log.warning("The database's schema is of a later release (%s); this one goes on with it", found)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; `base` empties the database."""
    with database.write() as connection:
        database.lock_schema(connection)
        command.downgrade(_config(connection), revision)


def require_schema(database: Database) -> None:
    """Raise Unavailable when the database does not answer, or its schema is older than this code."""
    with database.read() as connection:
        found = revision_of(connection)
    older = (None, *_known()[1:])
    if found in older:
        raise Unavailable(
            f"The database's schema is at {found or 'nothing'}; expected {_known()[0]}",
            hint="A backup of an earlier release was restored: start bpkd again, which brings the schema up to date.",
        )


@cache
def _known() -> tuple[str, ...]:
    """Every revision of this code, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def revision_of(connection: sa.Connection) -> str | None:
    """The schema's revision; None for a database without a schema."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
