"""When a ticket last changed at a help desk that tells it by webhooks."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes the column."""
    op.add_column("outbox", sa.Column("changed_there", UtcDateTime()))
