"""Reviewers' decisions on candidates, and the model's confidences of candidates."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Makes the column and the table."""
    op.add_column("candidates", sa.Column("ranking", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "candidate_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(36), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("intent", sa.String(80)),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("undone_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name=op.f("fk_candidate_decisions_candidate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate_decisions")),
    )
    op.create_index(op.f("ix_candidate_decisions_candidate_id"), "candidate_decisions", ["candidate_id"])
