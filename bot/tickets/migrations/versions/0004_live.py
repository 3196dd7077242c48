"""Live conversations between customers and agents."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables."""
    unfinished = sa.text("state != 'ended' OR applied < sequence")
    op.create_table(
        "live_states",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("conversation_id", sa.String(255), nullable=False, unique=True),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("agent", sa.String(200)),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("intent", sa.String(80)),
        sa.Column("queue", sa.String(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.Index("ix_live_states_unfinished", "id", sqlite_where=unfinished, postgresql_where=unfinished),
    )
    op.create_table(
        "live_rows",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("conversation_id", sa.String(255), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("agent", sa.String(200)),
        sa.Column("rating", sa.Integer()),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("conversation_id", "sequence"),
        sa.UniqueConstraint("conversation_id", "uuid"),
    )
    op.create_table(
        "live_agents",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("agent", sa.String(200), nullable=False, unique=True),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
    )
