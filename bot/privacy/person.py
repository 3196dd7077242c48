"""Everything that is kept of one person, found by their address: handed out or deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from sqlalchemy import Text, cast, delete, func, or_, select
from sqlalchemy.engine import Engine
from sqlalchemy.sql import ColumnElement

from bot.channel.redis_sessions import key
from bot.serving.conversations import EVENTS
from bot.tickets.database import reported
from bot.tickets.model import Ticket, as_json
from bot.tickets.store import TicketStore, read_ticket
from bot.tickets.tables import CANDIDATES, OUTCOMES, SEARCHES, TICKETS

# Databases take only so many parameters in one statement.
_AT_ONCE = 500


@dataclass(frozen=True)
class Kept:
    """What is kept of one person.

    Args:
        conversations: ids of the conversations that the person had, or whose text names the address.
        tickets: the person's tickets, and those whose text names the address.
    """

    conversations: tuple[str, ...]
    tickets: tuple[Ticket, ...]


class PersonalData:
    """Finds, hands out and deletes what is kept of a person.

    Args:
        conversations: the database of conversations.
        tickets: the ticket store.
        redis_url: where the page's conversations are, None if each server has its own.
    """

    def __init__(self, conversations: Engine, tickets: TicketStore, redis_url: str | None) -> None:
        self._conversations = conversations
        self._tickets = tickets
        self._redis_url = redis_url

    def find(self, contact: str) -> Kept:
        """Returns what is kept of the person with an address; `anna@x.no` is not found in `johanna@x.no`."""
        names = _names(contact)
        tickets = [ticket for ticket in self._tickets_with(contact) if _in(names, as_json(ticket))]
        with self._conversations.connect() as connection:
            rows = connection.execute(
                select(EVENTS.c.sender_id, EVENTS.c.data).where(_contains(EVENTS.c.data, contact))
            )
            named = {row.sender_id for row in rows if _in(names, json.loads(row.data))}
        own = {ticket.conversation_id for ticket in tickets}
        return Kept(tuple(sorted(named | own)), tuple(tickets))

    def export(self, contact: str) -> dict[str, Any]:
        """Returns all of it as plain JSON values."""
        kept = self.find(contact)
        tickets = [
            as_json(ticket) | {"deliveries": [vars(item) for item in self._tickets.deliveries(ticket.number)]}
            for ticket in kept.tickets
        ]
        conversations = [{"id": name, "events": self._events(name)} for name in kept.conversations]
        return {
            "contact": contact,
            "conversations": conversations,
            "tickets": tickets,
            "searches": self._searches(kept.conversations),
            "page": self._page_sessions(kept.conversations),
        }

    def erase(self, contact: str) -> Kept:
        """Deletes all of it; returns what there was, so that help desks can be asked to do the same."""
        kept = self.find(contact)
        for names in _portions(kept.conversations):
            with self._conversations.begin() as connection:
                connection.execute(delete(EVENTS).where(EVENTS.c.sender_id.in_(names)))
        engine = self._tickets.engine
        with reported(engine), engine.begin() as connection:
            for names in _portions(kept.conversations):
                for table in (OUTCOMES, SEARCHES):
                    connection.execute(delete(table).where(table.c.conversation_id.in_(names)))
            for numbers in _portions([ticket.id for ticket in kept.tickets]):
                connection.execute(delete(CANDIDATES).where(CANDIDATES.c.ticket_id.in_(numbers)))
                connection.execute(delete(TICKETS).where(TICKETS.c.id.in_(numbers)))  # its outbox goes with it
        if self._redis_url and kept.conversations:
            with redis.Redis.from_url(self._redis_url) as client:
                client.delete(*[key(name) for name in kept.conversations])
        return kept

    def _tickets_with(self, contact: str) -> list[Ticket]:
        texts = (TICKETS.c.contact_email, TICKETS.c.summary, TICKETS.c.transcript, TICKETS.c.entities)
        query = select(TICKETS).where(or_(*[_contains(cast(column, Text), contact) for column in texts]))
        with reported(self._tickets.engine), self._tickets.engine.connect() as connection:
            rows = connection.execution_options(reads_only=True).execute(query.order_by(TICKETS.c.id))
            return [read_ticket(row) for row in rows]

    def _events(self, conversation: str) -> list[dict[str, Any]]:
        query = select(EVENTS.c.data).where(EVENTS.c.sender_id == conversation).order_by(EVENTS.c.id)
        with self._conversations.connect() as connection:
            return [json.loads(row.data) for row in connection.execute(query)]

    def _searches(self, conversations: Sequence[str]) -> list[dict[str, Any]]:
        kept = [event for event in self._tickets.searches() if event.conversation_id in conversations]
        return [{"kind": event.kind, "text": event.text, "documents": list(event.documents)} for event in kept]

    def _page_sessions(self, conversations: Sequence[str]) -> list[dict[str, Any]]:
        if not self._redis_url or not conversations:
            return []
        with redis.Redis.from_url(self._redis_url) as client:
            return [json.loads(kept) for kept in client.mget([key(name) for name in conversations]) if kept]


def _contains(column: ColumnElement[str], contact: str) -> ColumnElement[bool]:
    """Looks for the longest part of the address in ASCII; other letters are numbers in JSON, each case its own."""
    part = max(re.findall("[!-~]+", contact), key=len).lower()
    return func.lower(column).contains(part, autoescape=True)


def _names(contact: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.+%-]){re.escape(contact)}(?![\w-]|\.\w)", re.IGNORECASE)


def _in(names: re.Pattern[str], value: Any) -> bool:
    return any(names.search(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
