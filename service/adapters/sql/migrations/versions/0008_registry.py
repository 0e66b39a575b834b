"""Versions that no job made, gates and seals; aliases can be removed, models and versions deleted.

SQLite can make no column nullable, so the three tables of the registry, which are small, are copied and made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
TABLES = ("versions", "aliases", "alias_moves")


def upgrade() -> None:
    """Versions that are there have no gates and no seal, as those that a worker of the release before publishes."""
    _rebuild(made_by_jobs_only=False)
    op.add_column("versions", sa.Column("gates", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("versions", sa.Column("created_by", sa.String))
    op.add_column("versions", sa.Column("seal", KEY))
    op.create_index("ix_versions_seal", "versions", ["seal"])


def downgrade() -> None:
    """Forget what the release before has no room for: imported versions, and histories with a removal in them."""
    imported = "(SELECT model FROM versions WHERE job_id IS NULL)"
    removed = "(SELECT model FROM alias_moves WHERE to_version IS NULL)"
    for table in ("alias_moves", "aliases"):
        op.execute(f"DELETE FROM {table} WHERE model IN {imported}")  # noqa: S608  # nosec B608  # both are ours
    op.execute(f"DELETE FROM alias_moves WHERE model IN {removed}")  # noqa: S608  # nosec B608  # ours
    op.execute("DELETE FROM versions WHERE job_id IS NULL OR dataset_sha256 IS NULL")
    op.drop_index("ix_versions_seal", "versions")
    for name in ("seal", "created_by", "gates"):
        op.drop_column("versions", name)
    _rebuild(made_by_jobs_only=True)


def _rebuild(*, made_by_jobs_only: bool) -> None:
    columns: dict[str, str] = {}
    for table in TABLES:
        found = sa.inspect(op.get_bind()).get_columns(table)
        columns[table] = ", ".join(f'"{each["name"]}"' for each in found)
        op.execute(f"CREATE TABLE kept_{table} AS SELECT {columns[table]} FROM {table}")  # noqa: S608  # nosec B608
    for table in reversed(TABLES):
        op.drop_table(table)
    _create(made_by_jobs_only=made_by_jobs_only)
    for table in TABLES:
        op.execute(f"INSERT INTO {table} ({columns[table]}) SELECT {columns[table]} FROM kept_{table}")  # noqa: S608  # nosec B608
        op.drop_table(f"kept_{table}")


def _create(*, made_by_jobs_only: bool) -> None:
    op.create_table(
        "versions",
        sa.Column("model", KEY, sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("job_id", KEY, sa.ForeignKey("jobs.id"), nullable=not made_by_jobs_only),
        sa.Column("dataset_sha256", sa.String, nullable=not made_by_jobs_only),
        sa.Column("onnx_sha256", sa.String, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("classes", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("provenance", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("model", "job_id", "onnx_sha256"),
    )
    op.create_table(
        "aliases",
        sa.Column("model", KEY, primary_key=True),
        sa.Column("alias", KEY, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("moved_at", TIME, nullable=False),
        sa.Column("moved_by", sa.String),
        sa.ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.version"]),
    )
    belongs = (
        sa.ForeignKeyConstraint(["model", "alias"], ["aliases.model", "aliases.alias"])
        if made_by_jobs_only
        else sa.ForeignKeyConstraint(["model"], ["models.name"])
    )
    op.create_table(
        "alias_moves",
        sa.Column("model", KEY, primary_key=True),
        sa.Column("alias", KEY, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer, nullable=not made_by_jobs_only),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.String),
        sa.Column("reason", sa.Text),
        belongs,
    )
