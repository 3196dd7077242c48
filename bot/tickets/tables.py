"""Defines the database tables of tickets, candidates, live conversations and the desk; turns rows into data classes."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from bot.tickets import numbers
from bot.tickets.model import Ticket, Utterance, now


class UtcDateTime(sa.TypeDecorator):
    """A moment in UTC; SQLite forgets time zones, so they are put back."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Returns the moment in UTC without its zone."""
        return value.astimezone(timezone.utc).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Returns the moment with its zone."""
        return value.replace(tzinfo=timezone.utc) if value else None


METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    """Returns a table of the store; the database numbers its rows."""
    return sa.Table(name, METADATA, sa.Column("id", sa.Integer, primary_key=True), *columns, **options)


TICKETS = _table(
    "tickets",
    sa.Column("code", sa.String(8), nullable=False, default=numbers.new_code),
    sa.Column("conversation_id", sa.String(255), nullable=False),
    sa.Column("form_id", sa.String(200), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False, default=now),
    sa.Column("updated_at", UtcDateTime, nullable=False, default=now, index=True),
    sa.Column("state", sa.String(20), nullable=False, default="new"),
    sa.Column("assignee", sa.String(200)),
    sa.Column("queue", sa.String(40), nullable=False),
    sa.Column("priority", sa.String(20), nullable=False),
    sa.Column("priority_reasons", sa.JSON, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("contact_email", sa.String(320)),
    sa.Column("consent", sa.Boolean, nullable=False),
    sa.Column("intent", sa.String(80)),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("runners_up", sa.JSON, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("language_confidence", sa.Float, nullable=False),
    sa.Column("product", sa.String(40)),
    sa.Column("entities", sa.JSON, nullable=False),
    sa.Column("steps_tried", sa.JSON, nullable=False),
    sa.Column("transcript", sa.JSON, nullable=False),
    sa.Column("sentiment", sa.JSON),
    sa.Column("signals", sa.JSON, nullable=False),
    sa.UniqueConstraint("conversation_id", "form_id"),
    sa.Index(None, "state", "queue"),
    # A number must never come back, not even after the newest ticket was deleted.
    sqlite_autoincrement=True,
)

OUTBOX = _table(
    "outbox",
    sa.Column("ticket_id", sa.ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("target", sa.String(40), nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False, unique=True, default=lambda: str(uuid.uuid4())),
    sa.Column("state", sa.String(20), nullable=False, default="pending"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("refusals", sa.Integer, nullable=False, default=0),
    sa.Column("next_attempt_at", UtcDateTime, nullable=False, default=now),
    sa.Column("lease", sa.String(64)),
    sa.Column("leased_until", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.Column("external_id", sa.String(200), index=True),
    sa.Column("delivered_at", UtcDateTime),
    sa.Column("closed_there", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("changed_there", UtcDateTime),
    sa.UniqueConstraint("ticket_id", "target"),
    sa.Index(None, "state", "next_attempt_at"),
)

STATUS_MARKS = _table(
    "status_marks",
    sa.Column("target", sa.String(40), nullable=False, unique=True),
    sa.Column("until", UtcDateTime, nullable=False),
)
"""Help desks that are asked what became of tickets; `until` is their own time, up to which everything was taken in."""

STATUS_REPORTS = _table(
    "status_reports",
    sa.Column("delivery_id", sa.String(200), nullable=False, unique=True),
    sa.Column("at", UtcDateTime, nullable=False, default=now, index=True),
)
"""Signed messages of help desks that were taken in, so that a repeated one does nothing."""

OUTCOMES = _table(
    "outcomes",
    sa.Column("conversation_id", sa.String(255), nullable=False),
    sa.Column("intent", sa.String(80), nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("product", sa.String(40)),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("conversation_id", "intent"),
)

SEARCHES = _table(
    "search_events",
    sa.Column("search_id", sa.String(40), nullable=False, index=True),
    sa.Column("conversation_id", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("documents", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
)

CANDIDATES = _table(
    "candidates",
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("intent", sa.String(80)),
    sa.Column("shown", sa.JSON, nullable=False),
    sa.Column("ranking", sa.JSON, nullable=False, default=list, server_default="[]"),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id", ondelete="SET NULL")),
    sa.Column("state", sa.String(20), nullable=False, default="new", index=True),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
)
"""Messages that may become training phrases; `ranking` has the likeliest intents with their confidences."""

CANDIDATE_DECISIONS = _table(
    "candidate_decisions",
    sa.Column("candidate_id", sa.ForeignKey("candidates.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("batch", sa.String(36), nullable=False),
    sa.Column("agent", sa.String(80), nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("intent", sa.String(80)),
    sa.Column("settles", sa.Boolean, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
    sa.Column("undone_at", UtcDateTime),
)
"""Reviewers' decisions on candidates; one click on several is one batch."""

UNFINISHED = sa.text("state != 'ended' OR applied < sequence")
"""Holds of live conversations that are not over yet; word for word that of their index, or it is not used."""

LIVE_STATES = _table(
    "live_states",
    sa.Column("conversation_id", sa.String(255), nullable=False, unique=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("agent", sa.String(200)),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("intent", sa.String(80)),
    sa.Column("queue", sa.String(40), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("applied", sa.Integer, nullable=False),
    sa.Index("ix_live_states_unfinished", "id", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
)

LIVE_ROWS = _table(
    "live_rows",
    sa.Column("conversation_id", sa.String(255), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("uuid", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.Text),
    sa.Column("agent", sa.String(200)),
    sa.Column("rating", sa.Integer),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
    sa.UniqueConstraint("conversation_id", "sequence"),
    sa.UniqueConstraint("conversation_id", "uuid"),
)

LIVE_AGENTS = _table(
    "live_agents",
    sa.Column("agent", sa.String(200), nullable=False, unique=True),
    sa.Column("beat_at", UtcDateTime, nullable=False),
)

TICKET_CHANGES = _table(
    "ticket_changes",
    sa.Column("ticket_id", sa.ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("agent", sa.String(80), nullable=False),
    sa.Column("field", sa.String(20), nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
)
"""Agents' changes of tickets, and their notes: `field` is a column of the tickets, or `note`."""

DESK_AGENTS = _table(
    "desk_agents",
    sa.Column("name", sa.String(80), nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("openid_issuer", sa.String(255)),
    sa.Column("openid_subject", sa.String(255)),
    sa.Index(None, "openid_issuer", "openid_subject", unique=True),
)
"""Accounts of the desk: with a password, or for a subject of an OpenID Connect issuer, whose password hash is empty."""

DESK_SESSIONS = _table(
    "desk_sessions",
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("agent_id", sa.ForeignKey("desk_agents.id", ondelete="CASCADE"), nullable=False),
    sa.Column("begun_at", UtcDateTime, nullable=False, default=now),
)
"""Signed-in agents; `key` is the SHA-256 of the cookie, so that who reads the database cannot sign in."""

DESK_ATTEMPTS = _table(
    "desk_attempts",
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, default=now),
)
"""Attempts to sign in that have failed lately."""

DESK_AUDIT = _table(
    "desk_audit",
    sa.Column("at", UtcDateTime, nullable=False, default=now),
    sa.Column("agent", sa.String(80), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("object", sa.String(255), nullable=False),
    sa.Index(None, "agent", "object", "at"),
)
"""Audit log of the agents' desk: who has seen and done what."""


def read_ticket(row: Row) -> Ticket:
    """Returns the ticket that a row keeps."""
    return Ticket(**fields_of(Ticket, row) | {"transcript": tuple(Utterance(*line) for line in row.transcript)})


def fields_of(kind: type, row: Row) -> dict[str, Any]:
    """Returns the fields of a data class that a row has, JSON's lists as tuples."""
    return {field.name: _frozen(row._mapping[field.name]) for field in fields(kind) if field.name in row._mapping}


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
