"""What an API key may do and how much of it; webhooks and the outbox of their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
EVERYTHING = '["read","write","infer","admin"]'
LIMITS = ("expires_at", "max_running", "max_queued", "last_used_at")


def upgrade() -> None:
    """Add both; keys made before, and those that a process of the release before makes, may do everything."""
    op.add_column("api_keys", sa.Column("scopes", sa.JSON, nullable=False, server_default=EVERYTHING))
    for name in LIMITS:
        op.add_column("api_keys", sa.Column(name, TIME if name.endswith("_at") else sa.Integer))
    op.create_table(
        "webhooks",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("job_id", KEY, sa.ForeignKey("jobs.id"), index=True),
        sa.Column("created_by", sa.String),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_secret_until", TIME),
        sa.Column("failing_since", TIME),
        sa.Column("disabled_at", TIME),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("last_number", sa.Integer, nullable=False, comment="number of the newest delivery"),
    )
    op.create_table(
        "deliveries",
        sa.Column("webhook_id", KEY, sa.ForeignKey("webhooks.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, index=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("attempts", sa.JSON, nullable=False),
        sa.Column("next_at", TIME, index=True),
    )


def downgrade() -> None:
    """Forget both."""
    op.drop_table("deliveries")
    op.drop_table("webhooks")
    for name in (*LIMITS, "scopes"):
        op.drop_column("api_keys", name)
