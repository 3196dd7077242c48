"""Reviewers' decisions on candidates, and the model's confidences of candidates."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Makes the column and the table."""
    op.add_column("candidates", sa.Column("ranking", sa.JSON(), nullable=False, server_default="[]"))
    owner = sa.ForeignKey("candidates.id", ondelete="CASCADE")
    op.create_table(
        "candidate_decisions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("candidate_id", sa.Integer(), owner, nullable=False, index=True),
        sa.Column("batch", sa.String(36), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("intent", sa.String(80)),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("undone_at", UtcDateTime()),
    )
