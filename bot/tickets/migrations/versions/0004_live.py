"""Adds the tables of live conversations between customers and agents."""

from alembic import op

from bot.tickets.tables import LIVE_AGENTS, LIVE_ROWS, LIVE_STATES

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables."""
    for table in (LIVE_STATES, LIVE_ROWS, LIVE_AGENTS):
        table.create(op.get_bind())
