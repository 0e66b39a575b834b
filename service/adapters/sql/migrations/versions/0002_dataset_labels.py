"""What a dataset is checked for: its layout, and whether images may lack their masks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both columns; earlier datasets, and those that a process of the release before adds, have the defaults."""
    op.add_column("datasets", sa.Column("layout", sa.String, nullable=False, server_default="auto"))
    op.add_column("datasets", sa.Column("labels", sa.String, nullable=False, server_default="dataset"))


def downgrade() -> None:
    """Forget both."""
    op.drop_column("datasets", "labels")
    op.drop_column("datasets", "layout")
