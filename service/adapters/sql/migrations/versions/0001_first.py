"""The first schema: datasets, jobs and their events, the registry, keys, idempotency and workers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "datasets",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("report", sa.JSON),
        sa.Column("sha256", sa.String),
        sa.Column("classes", sa.JSON, nullable=False),
        sa.Column("splits", sa.JSON, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("checked_at", TIME),
        sa.Column("owner", sa.String),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_until", TIME, index=True),
        sa.Index(None, "state", "id"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("dataset_id", KEY, sa.ForeignKey("datasets.id"), nullable=False, index=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempts_without_progress", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("stage", sa.String),
        sa.Column("stages", sa.JSON, nullable=False),
        sa.Column("progress", sa.JSON),
        sa.Column("latest", sa.JSON, nullable=False),
        sa.Column("best", sa.JSON, nullable=False),
        sa.Column("checkpoint", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("model", KEY),
        sa.Column("version", sa.Integer),
        sa.Column("owner", sa.String),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_until", TIME, index=True),
        sa.Column("last_seq", sa.Integer, nullable=False, comment="seq of the newest event"),
        sa.Index(None, "status", "id"),
    )
    op.create_table(
        "events",
        sa.Column("job_id", KEY, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "models",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("model", KEY, sa.ForeignKey("models.name"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("job_id", KEY, sa.ForeignKey("jobs.id"), nullable=False),
        sa.Column("dataset_sha256", sa.String, nullable=False),
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
    op.create_table(
        "alias_moves",
        sa.Column("model", KEY, primary_key=True),
        sa.Column("alias", KEY, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.String),
        sa.Column("reason", sa.Text),
        sa.ForeignKeyConstraint(["model", "alias"], ["aliases.model", "aliases.alias"]),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String, nullable=False, unique=True),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("scope", KEY, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("body_sha256", sa.String, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
        sa.Column("held_until", TIME),
        sa.Column("resource_id", sa.String),
        sa.Column("answer", sa.JSON),
    )
    op.create_table(
        "workers",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False, index=True),
        sa.Column("holds", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in (
        "alias_moves",
        "aliases",
        "versions",
        "models",
        "events",
        "jobs",
        "datasets",
        "api_keys",
        "idempotency",
        "workers",
    ):
        op.drop_table(table)
