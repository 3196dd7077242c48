"""Adds the table of steps of searches in conversations."""

from alembic import op

from bot.tickets.tables import SEARCHES

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table."""
    SEARCHES.create(op.get_bind())
