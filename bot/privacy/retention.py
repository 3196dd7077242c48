"""Deletes conversations, searches and phrases for review that were kept long enough, and makes old tickets anonymous.

A ticket that is open in this store only, or not delivered yet, stays as it is, however old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import String, Table, cast, delete, func, inspect, literal, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.sql import ColumnElement, Select

from bot.phrases.cases import expire_cases
from bot.phrases.files import remove_from_test_share
from bot.stores.conversations import EVENTS, SESSIONS
from bot.tickets import tables
from bot.tickets.handling import NOTE
from bot.tickets.store import TicketStore

_EXPIRED = "expired-"
"""Begins the name of the conversation of a ticket or an outcome that is anonymous; its id follows."""
# SQLite has one writer at a time: a transaction that deletes many conversations would keep customers waiting.
_AT_ONCE = 25


@dataclass(frozen=True)
class Expired:
    """Counts of what has been deleted or made anonymous.

    Args:
        conversations: deleted.
        outcomes: that no longer say whose conversation it was.
        tickets: made anonymous.
        candidates: deleted phrases for review.
        held_back: tickets as old, kept as they are: open in this store only, or not delivered yet.
    """

    conversations: int
    outcomes: int
    tickets: int
    candidates: int
    held_back: int


def expire(
    conversations: Engine,
    tickets: TicketStore,
    now: datetime,
    conversation_days: float,
    ticket_days: float,
    review: Path | None = None,
) -> Expired:
    """Deletes conversations and makes tickets anonymous that have rested for longer than they may be kept.

    What can be counted stays: queue, priority, intent, language, product, times.

    Args:
        conversations: the database of conversations.
        tickets: the ticket store.
        now: the present moment.
        conversation_days: how long a conversation is kept after its last event.
        ticket_days: how long a ticket is kept after its last change; so long phrases for review are kept.
        review: folder of the test share, of which their messages go, too, and of conversations; None for none.
    """
    conversations_before, tickets_before = now - timedelta(days=conversation_days), now - timedelta(days=ticket_days)
    deleted = _delete_conversations(conversations, conversations_before)
    if inspect(conversations).has_table(SESSIONS.name):
        with conversations.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires < now.timestamp()))
    with tickets.writing() as connection:
        name = _anonymous_name(tables.TICKETS)
        emptied = update(tables.TICKETS).values(conversation_id=name, form_id=name, contact_email=None, summary="")
        emptied = emptied.values(entities=[], steps_tried=[], transcript=[]).where(finished_tickets(tickets_before))
        anonymous = connection.execute(emptied).rowcount
        held_back = select(func.count()).select_from(tables.TICKETS).where(_rested_tickets(tickets_before))
        held_back_count = connection.execute(held_back).scalar_one()
        named = (tables.OUTCOMES.c.at < conversations_before) & ~_is_anonymous(tables.OUTCOMES)
        renamed = update(tables.OUTCOMES).where(named).values(conversation_id=_anonymous_name(tables.OUTCOMES))
        outcomes = connection.execute(renamed).rowcount
        # Notes of agents are about the customer; what was changed of a ticket, and by whom, can be counted.
        changes, gone = tables.TICKET_CHANGES, select(tables.TICKETS.c.id).where(_is_anonymous(tables.TICKETS))
        connection.execute(delete(changes).where(changes.c.field == NOTE, changes.c.ticket_id.in_(gone)))
        connection.execute(delete(tables.DESK_AUDIT).where(tables.DESK_AUDIT.c.at < tickets_before))
        for table in (tables.SEARCHES, tables.LIVE_ROWS):  # customers' own words; `articles propose` has had its time
            connection.execute(delete(table).where(table.c.at < conversations_before))
        live = tables.LIVE_STATES
        connection.execute(delete(live).where(live.c.state == "ended", live.c.since < conversations_before))
        phrases, old = tables.CANDIDATES, tables.CANDIDATES.c.at < tickets_before
        texts = select(phrases.c.language, phrases.c.text)
        expired = connection.execute(texts.where(old).except_(texts.where(~old))).all()  # but what was said again since
        candidates = connection.execute(delete(phrases).where(old)).rowcount
    if review is not None:
        remove_from_test_share(review, expired)
        expire_cases(review, tickets_before.date())
    return Expired(deleted, outcomes, anonymous, candidates, held_back_count)


def finished_tickets(before: datetime) -> ColumnElement:
    """Returns the condition for tickets that are made anonymous: unchanged since a moment, and nobody works on them."""
    ways = select(tables.OUTBOX.c.id).where(tables.OUTBOX.c.ticket_id == tables.TICKETS.c.id)
    undelivered = ways.where(tables.OUTBOX.c.state != "delivered").exists()
    return _rested_tickets(before) & ~undelivered & (ways.exists() | (tables.TICKETS.c.state == "closed"))


def rested_conversations(before: datetime) -> Select:
    """Returns the query for the names of conversations without an event since a moment."""
    rested = select(EVENTS.c.sender_id).group_by(EVENTS.c.sender_id)
    return rested.having(func.max(EVENTS.c.timestamp) < before.timestamp())


def _rested_tickets(before: datetime) -> ColumnElement:
    return (tables.TICKETS.c.updated_at < before) & ~_is_anonymous(tables.TICKETS)


def _is_anonymous(table: Table) -> ColumnElement:
    return table.c.conversation_id.like(f"{_EXPIRED}%")


def _anonymous_name(table: Table) -> ColumnElement:
    return literal(_EXPIRED) + cast(table.c.id, String)


def _delete_conversations(engine: Engine, before: datetime) -> int:
    with engine.connect() as connection:
        portions = list(connection.execute(rested_conversations(before)).scalars().partitions(_AT_ONCE))
    deleted = 0
    for names in portions:
        # Looked at once more: a customer may have written since.
        rested = rested_conversations(before).where(EVENTS.c.sender_id.in_(names))
        with engine.begin() as connection:
            deleted += len(list(connection.execute(rested).scalars()))
            connection.execute(delete(EVENTS).where(EVENTS.c.sender_id.in_(rested)))
    return deleted
