"""Teachers: files that can teach, and what their probes found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table; jobs refer to it by jobs.teacher_id, which outlives the teacher."""
    op.create_table(
        "teachers",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file", sa.JSON, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("classes", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("sha256", sa.String),
        sa.Column("size", sa.BigInteger),
        sa.Column("probe", sa.JSON),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("checked_at", TIME),
        sa.Column("owner", sa.String),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_until", TIME, index=True),
    )
    for other in ("state", "dataset_id"):
        op.create_index(f"ix_teachers_{other}_id", "teachers", [other, "id"])


def downgrade() -> None:
    """Forget it."""
    op.drop_table("teachers")
