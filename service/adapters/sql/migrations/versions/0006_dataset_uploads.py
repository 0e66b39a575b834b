"""Datasets that are uploaded, their sample pictures, and datasets that were deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add all; earlier datasets, and those that a process of the release before adds, have the defaults."""
    op.add_column("datasets", sa.Column("uploaded", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("datasets", sa.Column("samples", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("datasets", sa.Column("deleted_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Forget all. A dataset that waits for its content goes with it: the release before would wait for ever."""
    op.execute("DELETE FROM datasets WHERE state = 'uploading'")
    for name in ("deleted_at", "samples", "uploaded"):
        op.drop_column("datasets", name)
