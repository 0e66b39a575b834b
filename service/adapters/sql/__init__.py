"""The SQL store: SQLite as the embedded default, PostgreSQL for a deployment; the same statements on both.

A move is: begin, lock the row, read it, apply the domain's pure function with the database's time, write it where id
and fence still are what was read, write its events, commit.
"""

from service.adapters.sql.access import SqlKeys, SqlWorkers
from service.adapters.sql.database import Database
from service.adapters.sql.datasets import SqlDatasets
from service.adapters.sql.events import SqlEvents
from service.adapters.sql.idempotency import SqlIdempotency
from service.adapters.sql.jobs import SqlJobs
from service.adapters.sql.migrations import require_schema, upgrade
from service.adapters.sql.models import SqlModels
from service.adapters.sql.queue import SqlQueue
from service.adapters.sql.teachers import SqlTeachers
from service.adapters.sql.upkeep import SqlUpkeep
from service.adapters.sql.webhooks import SqlWebhooks

__all__ = [
    "Database",
    "SqlDatasets",
    "SqlEvents",
    "SqlIdempotency",
    "SqlJobs",
    "SqlKeys",
    "SqlModels",
    "SqlQueue",
    "SqlTeachers",
    "SqlUpkeep",
    "SqlWebhooks",
    "SqlWorkers",
    "require_schema",
    "upgrade",
]
