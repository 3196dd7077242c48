"""Adds the status of tickets at help desks."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes the column, its index and the tables."""
    op.add_column("outbox", sa.Column("closed_there", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_outbox_external_id"), "outbox", ["external_id"])
    op.create_table(
        "status_marks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("target", sa.String(40), nullable=False, unique=True),
        sa.Column("until", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "status_reports",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("delivery_id", sa.String(200), nullable=False, unique=True),
        sa.Column("at", UtcDateTime(), nullable=False, index=True),
    )
