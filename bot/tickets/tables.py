"""The tables of the ticket store."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcDateTime(TypeDecorator):
    """A moment in UTC; SQLite forgets time zones, so they are put back."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Returns the moment in UTC without its zone."""
        return value.astimezone(timezone.utc).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Returns the moment with its zone."""
        return value.replace(tzinfo=timezone.utc) if value else None


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TICKETS = Table(
    "tickets",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("code", String(8), nullable=False),
    Column("conversation_id", String(255), nullable=False),
    Column("form_id", String(200), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("assignee", String(200)),
    Column("queue", String(40), nullable=False),
    Column("priority", String(20), nullable=False),
    Column("priority_reasons", JSON, nullable=False),
    Column("summary", Text, nullable=False),
    Column("contact_email", String(320)),
    Column("consent", Boolean, nullable=False),
    Column("intent", String(80)),
    Column("confidence", Float, nullable=False),
    Column("runners_up", JSON, nullable=False),
    Column("language", String(8), nullable=False),
    Column("language_confidence", Float, nullable=False),
    Column("product", String(40)),
    Column("entities", JSON, nullable=False),
    Column("steps_tried", JSON, nullable=False),
    Column("transcript", JSON, nullable=False),
    Column("sentiment", JSON),
    Column("signals", JSON, nullable=False),
    UniqueConstraint("conversation_id", "form_id"),
    Index(None, "state", "queue"),
    # A number must never come back, not even after the newest ticket was deleted.
    sqlite_autoincrement=True,
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("target", String(40), nullable=False),
    Column("idempotency_key", String(64), nullable=False, unique=True),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("lease", String(64)),
    Column("leased_until", UtcDateTime),
    Column("reason", Text),
    Column("external_id", String(200)),
    Column("delivered_at", UtcDateTime),
    UniqueConstraint("ticket_id", "target"),
    Index(None, "state", "next_attempt_at"),
)

OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String(255), nullable=False),
    Column("intent", String(80), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("language", String(8), nullable=False),
    Column("product", String(40)),
    Column("confidence", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "intent"),
)

SEARCHES = Table(
    "search_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("search_id", String(40), nullable=False),
    Column("conversation_id", String(255), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("documents", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "search_id"),
)

CANDIDATES = Table(
    "candidates",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("intent", String(80)),
    Column("shown", JSON, nullable=False),
    Column("ticket_id", ForeignKey("tickets.id", ondelete="SET NULL")),
    Column("state", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "state"),
)
