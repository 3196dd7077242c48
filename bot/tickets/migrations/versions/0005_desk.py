"""Adds the desk's tables (agents, sessions, failed sign-ins, audit log, changes of tickets) and an index of tickets."""

import sqlalchemy as sa
from alembic import op

from bot.tickets.tables import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the tables and the index."""
    op.create_table(
        "ticket_changes",
        *(_id(), _text("agent", 80), _text("field", 20), sa.Column("before", sa.Text()), sa.Column("after", sa.Text())),
        *(_owner("ticket_id", "tickets.id", index=True), _moment("at")),
    )
    op.create_table(
        "desk_agents",
        *(_id(), _text("name", 80, unique=True), _text("role", 20), _text("language", 8), _text("password_hash", 200)),
    )
    op.create_table(
        "desk_sessions",
        *(_id(), _text("key", 64, unique=True), _owner("agent_id", "desk_agents.id"), _moment("begun_at")),
    )
    op.create_table("desk_attempts", _id(), _text("name", 80), _text("address", 64), _moment("at"))
    op.create_table(
        "desk_audit",
        *(_id(), _moment("at"), _text("agent", 80), _text("address", 64), _text("action", 40), _text("object", 255)),
        sa.Index(None, "agent", "object", "at"),
    )
    op.create_index(op.f("ix_tickets_updated_at"), "tickets", ["updated_at"])


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer(), primary_key=True)


def _text(name: str, length: int, unique: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=False, unique=unique)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, UtcDateTime(), nullable=False)


def _owner(name: str, of: str, index: bool = False) -> sa.Column:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(of, ondelete="CASCADE"), nullable=False, index=index)
