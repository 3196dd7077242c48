"""Finds, exports and erases the personal data of one person, by their e-mail address.

A record that only mentions the address may be about somebody else: it is listed, and neither exported nor erased unless
somebody names it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Column, Text, cast, delete, inspect, or_, select
from sqlalchemy.engine import Connection, Engine, Row

from bot.phrases.files import remove_from_test_share
from bot.privacy.addresses import AT_SIGNS, find_mention, fold_address, is_address
from bot.stores.conversations import EVENTS, SESSIONS
from bot.stores.sessions import key, unpacked
from bot.tickets import tables
from bot.tickets.model import Ticket, as_json
from bot.tickets.store import TicketStore

Page = dict[str, Any]
"""A conversation as the support page keeps it (`bot/stores/sessions.py`)."""
# Databases take only so many parameters in one statement.
_AT_ONCE = 500


@dataclass(frozen=True)
class PersonalRecords:
    """Records of one person.

    Args:
        conversations: ids of the conversations that have the person as their only contact.
        tickets: those that have the person as contact, and those without a contact from these conversations.
        candidates: ids of the phrases for review that were taken from these tickets.
        mentions: what else names the address: whether it concerns the person is for somebody to decide. The words
            around the address, by what `--also` takes: `T-48210-K7QX3M`, `conversation:ID` or `candidate:ID`.
    """

    conversations: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    candidates: tuple[int, ...]
    mentions: dict[str, str]

    @property
    def references(self) -> list[str]:
        """References of the person's own records, in the form of those of mentions."""
        return [
            *(ticket.number for ticket in self.tickets),
            *(f"conversation:{name}" for name in self.conversations),
            *(f"candidate:{identity}" for identity in self.candidates),
        ]


@dataclass(frozen=True)
class PersonalData:
    """Finds, exports and erases personal data.

    Args:
        conversations: the database of conversations.
        tickets: the ticket store.
        redis_url: where the page's conversations are, None if each server has its own, or keeps them in the database.
        review: folder of the test share of reviewed messages, None for none.
    """

    conversations: Engine
    tickets: TicketStore
    redis_url: str | None
    review: Path | None = None

    def find(self, contact: str, also: Sequence[str] = ()) -> PersonalRecords:
        """Returns the records of the person with an address.

        Args:
            contact: the address, in any spelling; `anna@x.no` is not found in `johanna@x.no`.
            also: references of mentions that are to be counted among what is the person's.

        Raises:
            ValueError: the address is none, or a reference is not among the mentions.
        """
        address = fold_address(contact)
        is_own = partial(is_address, address=address)
        pages = list(self._page_sessions())
        named = self._named_conversations(address, pages)
        named_tickets = self._named_tickets(address)
        theirs = {ticket.conversation_id for ticket, _ in named_tickets if is_own(ticket.contact_email)}
        contacts, tickets = self._contacts(sorted({*named, *theirs}), pages)
        conversations = {name for name, found in contacts.items() if found and all(map(is_own, found))}
        own = {each.id: each for each in tickets if each.conversation_id in conversations or is_own(each.contact_email)}
        mentions = {ticket.number: words for ticket, words in named_tickets if ticket.id not in own}
        own |= {ticket.id: ticket for ticket, _ in named_tickets if ticket.number in also}
        for name in sorted(contacts.keys() - conversations):
            reason = "has a ticket of this person and another contact, too"
            mentions[f"conversation:{name}"] = named.get(name, reason)
        conversations |= {name for name in contacts if f"conversation:{name}" in also}
        candidates = {row.id for row in self._rows(tables.CANDIDATES.c.ticket_id, list(own))}
        phrases = self._named(address, tables.CANDIDATES.c.id, tables.CANDIDATES.c.text)
        mentions |= {f"candidate:{each}": words for each, words in phrases.items() if each not in candidates}
        candidates |= {each for each in phrases if f"candidate:{each}" in also}
        for reference in also:
            if mentions.pop(reference, None) is None:
                reason = f"is not among what mentions {contact}; the command without --also lists what is."
                raise ValueError(f"`{reference}` {reason}")
        ordered = tuple(own[identity] for identity in sorted(own))
        return PersonalRecords(tuple(sorted(conversations)), ordered, tuple(sorted(candidates)), mentions)

    def export(self, kept: PersonalRecords) -> dict[str, Any]:
        """Returns all that is the person's as plain JSON values; mentions are not among it."""
        tickets = [
            as_json(ticket)
            | {"deliveries": [vars(item) for item in self.tickets.deliveries(ticket.number)]}
            | {"changes": [vars(item) for item in self.tickets.changes(ticket.number)]}
            for ticket in kept.tickets
        ]
        names = kept.conversations
        pages = self._page_sessions() if names else ()
        return {
            "conversations": [{"id": name, "events": self._events(name)} for name in names],
            "tickets": tickets,
            "outcomes": [dict(row._mapping) for row in self._rows(tables.OUTCOMES.c.conversation_id, names)],
            "searches": [dict(row._mapping) for row in self._rows(tables.SEARCHES.c.conversation_id, names)],
            "live": [dict(row._mapping) for row in self._rows(tables.LIVE_ROWS.c.conversation_id, names)],
            "candidates": [dict(row._mapping) for row in self._rows(tables.CANDIDATES.c.id, kept.candidates)],
            "page": [_readable(page) for page in pages if page["conversation"] in names],
        }

    def erase(self, kept: PersonalRecords) -> None:
        """Deletes all that is the person's; mentions stay."""
        phrases = [(row.language, row.text) for row in self._rows(tables.CANDIDATES.c.id, kept.candidates)]
        with self.conversations.begin() as connection:
            _delete(connection, EVENTS.c.sender_id, kept.conversations)
            if inspect(connection).has_table(SESSIONS.name):
                _delete(connection, SESSIONS.c.conversation, kept.conversations)
        with self.tickets.writing() as connection:
            for table in (tables.OUTCOMES, tables.SEARCHES, tables.LIVE_ROWS, tables.LIVE_STATES):
                _delete(connection, table.c.conversation_id, kept.conversations)
            _delete(connection, tables.CANDIDATES.c.id, kept.candidates)
            # Their outbox goes with them.
            _delete(connection, tables.TICKETS.c.id, [ticket.id for ticket in kept.tickets])
        if self.review is not None:
            remove_from_test_share(self.review, phrases)
        if self.redis_url and kept.conversations:
            with redis.Redis.from_url(self.redis_url) as client:
                client.delete(*[key(name) for name in kept.conversations])

    def _named_conversations(self, address: str, pages: Iterable[Page]) -> dict[str, str]:
        """Returns conversations with the words that name an address."""
        named = {page["conversation"]: words for page in pages if (words := _mention(page, address))}
        named |= self._named(address, tables.SEARCHES.c.conversation_id, tables.SEARCHES.c.text)
        named |= self._named(address, tables.LIVE_ROWS.c.conversation_id, tables.LIVE_ROWS.c.text)
        return named | self._named(address, EVENTS.c.sender_id, EVENTS.c.data)

    def _named_tickets(self, address: str) -> list[tuple[Ticket, str]]:
        """Returns tickets with the words that name an address, in themselves or in what a help desk said of them."""
        names = ("assignee", "summary", "contact_email", "entities", "steps_tried", "transcript")
        named = self._named(address, tables.OUTBOX.c.ticket_id, tables.OUTBOX.c.reason)
        named |= self._named(address, tables.TICKET_CHANGES.c.ticket_id, tables.TICKET_CHANGES.c.after)
        named |= self._named(address, tables.TICKETS.c.id, *(tables.TICKETS.c[name] for name in names))
        return [(tables.read_ticket(row), named[row.id]) for row in self._rows(tables.TICKETS.c.id, sorted(named))]

    def _named(self, address: str, key: Column[Any], *columns: Column[Any]) -> dict[Any, str]:
        """Searches the rows of a table for an address.

        Args:
            address: folded.
            key: the column by which rows are returned.
            columns: what is searched. Only rows that have an at sign there are read: no spelling is without one.

        Returns:
            For each key the words around the first mention.
        """
        signs = sorted({*AT_SIGNS, *(json.dumps(sign).strip('"') for sign in AT_SIGNS)})
        signed = or_(*(cast(column, Text).contains(sign, autoescape=True) for column in columns for sign in signs))
        engine = self.conversations if key.table is EVENTS else self.tickets.engine
        named: dict[Any, str] = {}
        with engine.connect() as connection:
            options = connection.execution_options(reads_only=True, stream_results=True)
            for name, *values in options.execute(select(key, *columns).where(signed)).yield_per(_AT_ONCE):
                texts = map(json.loads, values) if key.table is EVENTS else values
                if words := _mention([*texts], address):
                    named.setdefault(name, words)
        return named

    def _contacts(self, names: Sequence[str], pages: Iterable[Page]) -> tuple[dict[str, set[str]], list[Ticket]]:
        """Returns the contacts of conversations, and the tickets that came from these conversations."""
        known = {page["conversation"]: page["page_email"] for page in pages}
        contacts = {name: {known.get(name) or "", *_event_contacts(self._events(name))} for name in names}
        tickets = [tables.read_ticket(row) for row in self._rows(tables.TICKETS.c.conversation_id, names)]
        for ticket in tickets:
            contacts[ticket.conversation_id].add(ticket.contact_email or "")
        return {name: found - {""} for name, found in contacts.items()}, tickets

    def _rows(self, column: Column[Any], values: Sequence[Any]) -> list[Row]:
        """Returns the rows of a table of the ticket store that have one of the values in a column."""
        query = select(column.table).order_by(column.table.c.id)
        return [row for some in _portions(values) for row in self.tickets.rows(query.where(column.in_(some)))]

    def _events(self, conversation: str) -> list[dict[str, Any]]:
        query = select(EVENTS.c.data).where(EVENTS.c.sender_id == conversation).order_by(EVENTS.c.id)
        with self.conversations.connect() as connection:
            return [json.loads(row.data) for row in connection.execute(query)]

    def _page_sessions(self) -> Iterator[Page]:
        """Yields every conversation that the page keeps in Redis, or in the database."""
        with self.conversations.connect() as connection:
            if inspect(connection).has_table(SESSIONS.name):
                yield from (json.loads(data) for data in connection.execute(select(SESSIONS.c.data)).scalars())
        if not self.redis_url:
            return
        with redis.Redis.from_url(self.redis_url) as client:
            for names in _portions(list(client.scan_iter(key("*"), count=_AT_ONCE))):
                yield from (json.loads(kept) for kept in client.mget(names) if kept)


def _readable(page: Page) -> Page:
    """Returns a conversation of the page with its answers written out."""
    messages = [unpacked(message) for message in page["messages"]]
    answers = [[message, [unpacked(part) for part in parts]] for message, parts in page["answers"]]
    return {**page, "messages": messages, "answers": answers}


def _delete(connection: Connection, column: Column[Any], values: Sequence[Any]) -> None:
    """Deletes the rows of a table that have one of the values in a column."""
    for some in _portions(values):
        connection.execute(delete(column.table).where(column.in_(some)))


def _event_contacts(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yields the contacts in the events of a conversation: those the page told, and the last one put into the form."""
    last = ""
    for event in events:
        if event.get("event") == "slot" and event.get("name") == "contact_email":
            last = event.get("value") or last
        elif event.get("event") == "user":
            yield str((event.get("metadata") or {}).get("email") or "")
    yield last


def _mention(value: Any, address: str) -> str | None:
    """Returns the words around the first mention of an address in a JSON value: its texts and keys."""
    if isinstance(value, str):
        return find_mention(value, address)
    if isinstance(value, dict):
        value = itertools.chain.from_iterable(value.items())
    elif not isinstance(value, list):
        return None
    return next((words for each in value if (words := _mention(each, address))), None)


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
