"""Tickets, their outbox, outcomes of conversations, candidates for training: where migrations begin.

Databases that were made at this revision have these tables; new ones get all tables from `bot.tickets.tables`.
"""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Does nothing: no database is older."""
