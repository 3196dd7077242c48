"""Defines the tables of the ticket database, and turns rows into data classes.

tickets              tickets (`model.Ticket`)
outbox               the delivery of each ticket to each help desk
status_marks         help desks that are asked what became of tickets; `until` is their own time, up to which
                     everything was taken in
status_reports       signed messages of help desks that were taken in, so that a repeated one does nothing
outcomes             how conversations ended for an issue
search_events        steps of searches in conversations
candidates           messages that may become training phrases; `ranking` has the likeliest intents with their
                     confidences
candidate_decisions  reviewers' decisions on candidates; one click on several is one batch
live_states          conversations with an agent (`live_model.LiveState`)
live_rows            what happened in them (`live_model.LiveRow`)
live_agents          agents who are present
ticket_changes       agents' changes of tickets, and their notes: `field` is a column of the tickets, or `note`
desk_agents          accounts of the desk: with a password, or for a subject of an OpenID Connect issuer, whose
                     password hash is empty
desk_sessions        signed-in agents; `key` is the SHA-256 of the cookie, so that who reads the database cannot
                     sign in
desk_attempts        attempts to sign in that have failed lately
desk_audit           who has seen and done what at the desk
"""

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


def _table(name: str, texts: dict[str, int], *others: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    """Returns a table of the store; the database numbers its rows.

    Args:
        name: of the table.
        texts: columns of short text that are never NULL -> the most characters of each.
        others: all other columns, constraints and indexes.
        options: as `sqlalchemy.Table` takes them.
    """
    columns = [_needed(column, sa.String(length)) for column, length in texts.items()]
    return sa.Table(name, METADATA, sa.Column("id", sa.Integer, primary_key=True), *columns, *others, **options)


def _needed(name: str, kind: Any, **options: Any) -> sa.Column:
    """Returns a column that is never NULL: its type or foreign key, and options as `sqlalchemy.Column` takes them."""
    return sa.Column(name, kind, nullable=False, **options)


def _moment(name: str = "at", **options: Any) -> sa.Column:
    """Returns a column with a moment, the present one unless a row says otherwise."""
    return _needed(name, UtcDateTime, default=now, **options)


def _reference(table: str, on_delete: str = "CASCADE") -> sa.ForeignKey:
    """Returns the reference to a row of another table, and what becomes of a row when that one is deleted."""
    return sa.ForeignKey(f"{table}.id", ondelete=on_delete)


TICKETS = _table(
    "tickets",
    {"conversation_id": 255, "form_id": 200, "queue": 40, "priority": 20, "language": 8},
    _needed("code", sa.String(8), default=numbers.new_code),
    _moment("opened_at"),
    _moment("updated_at", index=True),
    _needed("state", sa.String(20), default="new"),
    sa.Column("assignee", sa.String(200)),
    _needed("priority_reasons", sa.JSON),
    _needed("summary", sa.Text),
    sa.Column("contact_email", sa.String(320)),
    _needed("consent", sa.Boolean),
    sa.Column("intent", sa.String(80)),
    _needed("confidence", sa.Float),
    _needed("runners_up", sa.JSON),
    _needed("language_confidence", sa.Float),
    sa.Column("product", sa.String(40)),
    _needed("entities", sa.JSON),
    _needed("steps_tried", sa.JSON),
    _needed("transcript", sa.JSON),
    sa.Column("sentiment", sa.JSON),
    _needed("signals", sa.JSON),
    sa.UniqueConstraint("conversation_id", "form_id"),
    sa.Index(None, "state", "queue"),
    # A number must never come back, not even after the newest ticket was deleted.
    sqlite_autoincrement=True,
)

OUTBOX = _table(
    "outbox",
    {"target": 40},
    _needed("ticket_id", _reference("tickets")),
    _needed("idempotency_key", sa.String(64), unique=True, default=lambda: str(uuid.uuid4())),
    _needed("state", sa.String(20), default="pending"),
    _needed("attempts", sa.Integer, default=0),
    _needed("refusals", sa.Integer, default=0),
    _moment("next_attempt_at"),
    sa.Column("lease", sa.String(64)),
    sa.Column("leased_until", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.Column("external_id", sa.String(200), index=True),
    sa.Column("delivered_at", UtcDateTime),
    _needed("closed_there", sa.Boolean, default=False, server_default=sa.false()),
    sa.Column("changed_there", UtcDateTime),
    sa.UniqueConstraint("ticket_id", "target"),
    sa.Index(None, "state", "next_attempt_at"),
)

STATUS_MARKS = _table("status_marks", {}, _needed("target", sa.String(40), unique=True), _needed("until", UtcDateTime))

STATUS_REPORTS = _table("status_reports", {}, _needed("delivery_id", sa.String(200), unique=True), _moment(index=True))

OUTCOMES = _table(
    "outcomes",
    {"conversation_id": 255, "intent": 80, "outcome": 20, "language": 8},
    sa.Column("product", sa.String(40)),
    _needed("confidence", sa.Float),
    _needed("at", UtcDateTime),
    sa.UniqueConstraint("conversation_id", "intent"),
)

SEARCHES = _table(
    "search_events",
    {"conversation_id": 255, "kind": 20, "language": 8},
    _needed("search_id", sa.String(40), index=True),
    _needed("text", sa.Text),
    _needed("documents", sa.JSON),
    _moment(),
)

CANDIDATES = _table(
    "candidates",
    {"kind": 20, "language": 8},
    _needed("text", sa.Text),
    sa.Column("intent", sa.String(80)),
    _needed("shown", sa.JSON),
    _needed("ranking", sa.JSON, default=list, server_default="[]"),
    sa.Column("ticket_id", _reference("tickets", on_delete="SET NULL")),
    _needed("state", sa.String(20), default="new", index=True),
    _moment(),
)

CANDIDATE_DECISIONS = _table(
    "candidate_decisions",
    {"batch": 36, "agent": 80, "verdict": 20},
    _needed("candidate_id", _reference("candidates"), index=True),
    sa.Column("intent", sa.String(80)),
    _needed("settles", sa.Boolean),
    _moment(),
    sa.Column("undone_at", UtcDateTime),
)

UNFINISHED = sa.text("state != 'ended' OR applied < sequence")
"""Holds of live conversations that are not over yet; word for word that of their index, or it is not used."""

LIVE_STATES = _table(
    "live_states",
    {"language": 8, "queue": 40},
    _needed("conversation_id", sa.String(255), unique=True),
    _needed("state", sa.String(20), index=True),
    sa.Column("agent", sa.String(200)),
    _needed("since", UtcDateTime),
    sa.Column("intent", sa.String(80)),
    _needed("sequence", sa.Integer),
    _needed("applied", sa.Integer),
    sa.Index("ix_live_states_unfinished", "id", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
)

LIVE_ROWS = _table(
    "live_rows",
    {"conversation_id": 255, "uuid": 64, "kind": 20},
    _needed("sequence", sa.Integer),
    sa.Column("text", sa.Text),
    sa.Column("agent", sa.String(200)),
    sa.Column("rating", sa.Integer),
    _moment(),
    sa.UniqueConstraint("conversation_id", "sequence"),
    sa.UniqueConstraint("conversation_id", "uuid"),
)

LIVE_AGENTS = _table("live_agents", {}, _needed("agent", sa.String(200), unique=True), _needed("beat_at", UtcDateTime))

TICKET_CHANGES = _table(
    "ticket_changes",
    {"agent": 80, "field": 20},
    _needed("ticket_id", _reference("tickets"), index=True),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    _moment(),
)

DESK_AGENTS = _table(
    "desk_agents",
    {"role": 20, "language": 8, "password_hash": 200},
    _needed("name", sa.String(80), unique=True),
    sa.Column("openid_issuer", sa.String(255)),
    sa.Column("openid_subject", sa.String(255)),
    sa.Index(None, "openid_issuer", "openid_subject", unique=True),
)

DESK_SESSIONS = _table(
    "desk_sessions",
    {},
    _needed("key", sa.String(64), unique=True),
    _needed("agent_id", _reference("desk_agents")),
    _moment("begun_at"),
)

DESK_ATTEMPTS = _table("desk_attempts", {"name": 80, "address": 64}, _moment())

DESK_AUDIT = _table(
    "desk_audit",
    {"agent": 80, "address": 64, "action": 40, "object": 255},
    _moment(),
    sa.Index(None, "agent", "object", "at"),
)


def read_ticket(row: Row) -> Ticket:
    """Returns the ticket that a row keeps."""
    return Ticket(**fields_of(Ticket, row) | {"transcript": tuple(Utterance(*line) for line in row.transcript)})


def fields_of(kind: type, row: Row) -> dict[str, Any]:
    """Returns the fields of a data class that a row has, JSON's lists as tuples."""
    return {field.name: _frozen(row._mapping[field.name]) for field in fields(kind) if field.name in row._mapping}


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
