"""Conversation ids are as long here as Rasa's tracker store takes them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = ("tickets", "outcomes", "search_events")


def upgrade() -> None:
    """Takes longer ids."""
    _alter(sa.String(length=200), sa.String(length=255))


def downgrade() -> None:
    """Takes shorter ids only."""
    _alter(sa.String(length=255), sa.String(length=200))


def _alter(before: sa.String, after: sa.String) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # which keeps texts of any length, whatever is said
    for table in TABLES:
        op.alter_column(table, "conversation_id", existing_type=before, type_=after, existing_nullable=False)
