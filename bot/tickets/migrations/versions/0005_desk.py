"""Adds the desk's tables (agents, sessions, failed sign-ins, audit log, changes of tickets) and an index of tickets."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "ticket_changes",
        *(_id(), _text("agent", 80), _text("field", 20), sa.Column("before", sa.Text()), sa.Column("after", sa.Text())),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        _moment("at"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_changes_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_changes")),
    )
    op.create_index(op.f("ix_ticket_changes_ticket_id"), "ticket_changes", ["ticket_id"])
    op.create_table(
        "desk_agents",
        *(_id(), _text("name", 80), _text("role", 20), _text("language", 8), _text("password_hash", 200)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_agents")),
        sa.UniqueConstraint("name", name=op.f("uq_desk_agents_name")),
    )
    op.create_table(
        "desk_sessions",
        *(_id(), _text("key", 64), sa.Column("agent_id", sa.Integer(), nullable=False), _moment("begun_at")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["desk_agents.id"], name=op.f("fk_desk_sessions_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_sessions")),
        sa.UniqueConstraint("key", name=op.f("uq_desk_sessions_key")),
    )
    op.create_table(
        "desk_attempts",
        *(_id(), _text("name", 80), _text("address", 64), _moment("at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_attempts")),
    )
    op.create_table(
        "desk_audit",
        *(_id(), _moment("at"), _text("agent", 80), _text("address", 64), _text("action", 40), _text("object", 255)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_audit")),
    )
    op.create_index(op.f("ix_desk_audit_agent_object_at"), "desk_audit", ["agent", "object", "at"])
    op.create_index(op.f("ix_tickets_updated_at"), "tickets", ["updated_at"])


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer(), nullable=False)


def _text(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, UtcDateTime(), nullable=False)
