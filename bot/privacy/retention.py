"""Deletes conversations, searches and phrases for review that were kept long enough, and makes old tickets anonymous.

A ticket that is open in this store only, or not delivered yet, stays as it is, however old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import String, cast, delete, func, inspect, literal, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.sql import ColumnElement, Select

from bot.phrases.cases import expire_cases
from bot.phrases.files import remove_from_test_share
from bot.stores.conversations import EVENTS, SESSIONS
from bot.tickets.handling import NOTE
from bot.tickets.store import TicketStore
from bot.tickets.tables import (
    CANDIDATES,
    DESK_AUDIT,
    LIVE_ROWS,
    LIVE_STATES,
    OUTBOX,
    OUTCOMES,
    SEARCHES,
    TICKET_CHANGES,
    TICKETS,
)

_EXPIRED = "expired-"
_PHRASES = select(CANDIDATES.c.language, CANDIDATES.c.text)
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
    old, finished = _not_anonymous(tickets_before), finished_tickets(tickets_before)
    with tickets.writing() as connection:
        name = literal(_EXPIRED) + cast(TICKETS.c.id, String)
        emptied = update(TICKETS).where(finished).values(conversation_id=name, form_id=name)
        emptied = emptied.values(contact_email=None, summary="", entities=[], steps_tried=[], transcript=[])
        anonymous = connection.execute(emptied).rowcount
        held_back = connection.execute(select(func.count()).select_from(TICKETS).where(old)).scalar_one()
        outcomes = connection.execute(
            update(OUTCOMES)
            .where(OUTCOMES.c.at < conversations_before, OUTCOMES.c.conversation_id.notlike(f"{_EXPIRED}%"))
            .values(conversation_id=literal(_EXPIRED) + cast(OUTCOMES.c.id, String))
        ).rowcount
        # Notes of agents are about the customer; what was changed of a ticket, and by whom, can be counted.
        gone = select(TICKETS.c.id).where(TICKETS.c.conversation_id.like(f"{_EXPIRED}%"))
        notes = (TICKET_CHANGES.c.field == NOTE) & TICKET_CHANGES.c.ticket_id.in_(gone)
        connection.execute(delete(TICKET_CHANGES).where(notes))
        connection.execute(delete(DESK_AUDIT).where(DESK_AUDIT.c.at < tickets_before))
        # A question is a customer's own words, and `articles propose` has had its time to take it up.
        connection.execute(delete(SEARCHES).where(SEARCHES.c.at < conversations_before))
        connection.execute(delete(LIVE_ROWS).where(LIVE_ROWS.c.at < conversations_before))
        rested = (LIVE_STATES.c.state == "ended") & (LIVE_STATES.c.since < conversations_before)
        connection.execute(delete(LIVE_STATES).where(rested))
        before = {(row.language, row.text) for row in connection.execute(_PHRASES)}
        candidates = connection.execute(delete(CANDIDATES).where(CANDIDATES.c.at < tickets_before)).rowcount
        expired = before - {(row.language, row.text) for row in connection.execute(_PHRASES)}
    if review is not None:
        remove_from_test_share(review, expired)
        expire_cases(review, tickets_before.date())
    return Expired(deleted, outcomes, anonymous, candidates, held_back)


def finished_tickets(before: datetime) -> ColumnElement:
    """Returns the condition for tickets that are made anonymous: unchanged since a moment, and nobody works on them."""
    ways = select(OUTBOX.c.id).where(OUTBOX.c.ticket_id == TICKETS.c.id)
    undelivered = ways.where(OUTBOX.c.state != "delivered").exists()
    return _not_anonymous(before) & ~undelivered & (ways.exists() | (TICKETS.c.state == "closed"))


def rested_conversations(before: datetime) -> Select:
    """Returns the query for the names of conversations without an event since a moment."""
    rested = select(EVENTS.c.sender_id).group_by(EVENTS.c.sender_id)
    return rested.having(func.max(EVENTS.c.timestamp) < before.timestamp())


def _not_anonymous(before: datetime) -> ColumnElement:
    return (TICKETS.c.updated_at < before) & TICKETS.c.conversation_id.notlike(f"{_EXPIRED}%")


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
