"""Adds the desk's tables (agents, sessions, failed sign-ins, audit log, changes of tickets) and an index of tickets."""

from alembic import op

from bot.tickets.tables import DESK_AGENTS, DESK_ATTEMPTS, DESK_AUDIT, DESK_SESSIONS, METADATA, TICKET_CHANGES

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the tables and the index."""
    METADATA.create_all(op.get_bind(), [TICKET_CHANGES, DESK_AGENTS, DESK_SESSIONS, DESK_ATTEMPTS, DESK_AUDIT])
    op.create_index(op.f("ix_tickets_updated_at"), "tickets", ["updated_at"])
