"""Conversation ids are as long here as Rasa's tracker store takes them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Takes longer ids."""
    if op.get_bind().dialect.name == "sqlite":
        return  # which keeps texts of any length, whatever is said
    short, long = sa.String(length=200), sa.String(length=255)
    for table in ("tickets", "outcomes", "search_events"):
        op.alter_column(table, "conversation_id", existing_type=short, type_=long, existing_nullable=False)
