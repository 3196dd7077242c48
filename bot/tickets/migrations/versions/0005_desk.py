"""Adds the desk's tables (agents, sessions, failed sign-ins, audit log, changes of tickets) and an index of tickets."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import DESK_ATTEMPTS, DESK_AUDIT, DESK_SESSIONS, TICKET_CHANGES

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the tables and the index."""
    op.create_table(
        "desk_agents",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
    )
    for table in (DESK_SESSIONS, DESK_ATTEMPTS, DESK_AUDIT, TICKET_CHANGES):
        table.create(op.get_bind())
    op.create_index(op.f("ix_tickets_updated_at"), "tickets", ["updated_at"])
