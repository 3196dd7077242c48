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
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(40), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_marks")),
        sa.UniqueConstraint("target", name=op.f("uq_status_marks_target")),
    )
    op.create_table(
        "status_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.String(200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_reports")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_status_reports_delivery_id")),
    )
    op.create_index(op.f("ix_status_reports_at"), "status_reports", ["at"])
