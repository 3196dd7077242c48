"""Live conversations between customers and agents."""

from alembic import op

from bot.tickets.tables import LIVE_AGENTS, LIVE_ROWS, LIVE_STATES, METADATA

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables."""
    METADATA.create_all(op.get_bind(), [LIVE_STATES, LIVE_ROWS, LIVE_AGENTS])
