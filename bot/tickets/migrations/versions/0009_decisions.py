"""Adds reviewers' decisions on candidates, and the model's confidences of candidates."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import CANDIDATE_DECISIONS

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Makes the column and the table."""
    op.add_column("candidates", sa.Column("ranking", sa.JSON(), nullable=False, server_default="[]"))
    CANDIDATE_DECISIONS.create(op.get_bind())
