"""Jobs have a priority and may go on from another one, and every list of them is answered by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INDEXES = (
    ("dataset_id", "id"),
    ("teacher_id", "id"),
    ("model", "id"),
    ("name", "id"),
    ("created_by", "status"),
    ("status", "priority", "created_by", "id"),
)


def upgrade() -> None:
    """Add columns, indexes, and the table of metadata; jobs that a process of the release before adds have defaults."""
    op.add_column("jobs", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("teacher_id", KEY))
    op.add_column("jobs", sa.Column("retry_of", KEY))
    _sort_names(collation="C")
    op.drop_index("ix_jobs_dataset_id", "jobs")
    for columns in INDEXES:
        op.create_index(_name(columns), "jobs", list(columns))
    op.create_table(
        "job_metadata",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("value", KEY, primary_key=True),
        sa.Column("job_id", KEY, sa.ForeignKey("jobs.id"), primary_key=True, index=True),
        comment="the pairs of jobs.metadata, to find jobs by",
    )
    _list_metadata()


def downgrade() -> None:
    """Forget all of it."""
    op.drop_table("job_metadata")
    for columns in INDEXES:
        op.drop_index(_name(columns), "jobs")
    op.create_index("ix_jobs_dataset_id", "jobs", ["dataset_id"])
    _sort_names(collation="default")
    for column in ("retry_of", "teacher_id", "priority"):
        op.drop_column("jobs", column)


def _name(columns: tuple[str, ...]) -> str:
    return f"ix_jobs_{'_'.join(columns)}"


def _sort_names(*, collation: str) -> None:
    """By code point, as SQLite does it, or by the rules of the database's language."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "name", type_=sa.Text(collation=collation))


def _list_metadata() -> None:
    """Of the jobs that are there already."""
    jobs = sa.table("jobs", sa.column("id", KEY), sa.column("metadata", sa.JSON))
    pairs = sa.table("job_metadata", sa.column("key", KEY), sa.column("value", KEY), sa.column("job_id", KEY))
    rows = [
        {"key": key, "value": value, "job_id": job_id}
        for job_id, metadata in op.get_bind().execute(sa.select(jobs.c.id, jobs.c.metadata))
        for key, value in metadata.items()
    ]
    op.bulk_insert(pairs, rows)
