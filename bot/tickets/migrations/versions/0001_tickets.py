"""Tickets, their outbox, outcomes of conversations, candidates for training: where migrations begin.

Databases that were made at this revision have these tables; new ones get all tables from `bot.tickets.tables`.

A migration that adds a table makes it as `bot.tickets.tables` has it now. So one that changes such a table later looks
first whether the change is there (0006).
"""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Does nothing: no database is older."""
