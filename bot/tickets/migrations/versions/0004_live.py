"""Live conversations between customers and agents."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "live_states",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("agent", sa.String(length=200)),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("intent", sa.String(length=80)),
        sa.Column("queue", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_states")),
        sa.UniqueConstraint("conversation_id", name=op.f("uq_live_states_conversation_id")),
    )
    op.create_index(op.f("ix_live_states_state"), "live_states", ["state"], unique=False)
    unfinished = sa.text("state != 'ended' OR applied < sequence")
    op.create_index(
        "ix_live_states_unfinished", "live_states", ["id"], sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_table(
        "live_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("agent", sa.String(length=200)),
        sa.Column("rating", sa.Integer()),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_rows")),
        sa.UniqueConstraint("conversation_id", "sequence", name=op.f("uq_live_rows_conversation_id_sequence")),
        sa.UniqueConstraint("conversation_id", "uuid", name=op.f("uq_live_rows_conversation_id_uuid")),
    )
    op.create_table(
        "live_agents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_agents")),
        sa.UniqueConstraint("agent", name=op.f("uq_live_agents_agent")),
    )
