"""Adds the status of tickets at help desks."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import STATUS_MARKS, STATUS_REPORTS

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes the column, its index and the tables."""
    op.add_column("outbox", sa.Column("closed_there", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_outbox_external_id"), "outbox", ["external_id"])
    for table in (STATUS_MARKS, STATUS_REPORTS):
        table.create(op.get_bind())
