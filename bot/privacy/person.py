"""Everything that is kept of one person, found by their address: handed out or deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from sqlalchemy import Table, Text, cast, delete, or_, select
from sqlalchemy.engine import Engine, Row
from sqlalchemy.sql import ColumnElement

from bot.privacy.addresses import AT_SIGNS, find_mention, fold_address, is_address
from bot.stores.conversations import EVENTS
from bot.stores.sessions import key
from bot.tickets.database import reported
from bot.tickets.model import Ticket, as_json
from bot.tickets.store import TicketStore, read_ticket
from bot.tickets.tables import CANDIDATES, OUTBOX, OUTCOMES, SEARCHES, TICKETS

# Databases take only so many parameters in one statement.
_AT_ONCE = 500


@dataclass(frozen=True)
class Mention:
    """Something that names a person's address and is not known to be theirs.

    Args:
        reference: what `--also` takes: `T-48210-K7QX3M`, `conversation:ID` or `candidate:ID`.
        words: the words around the address.
    """

    reference: str
    words: str


@dataclass(frozen=True)
class Kept:
    """What is kept of one person.

    Args:
        conversations: ids of the conversations that have the person as their only contact.
        tickets: those that have the person as contact, and those without a contact from these conversations.
        candidates: ids of the phrases for review that were taken from these tickets.
        mentions: what else names the address: whether it concerns the person is for somebody to decide.
    """

    conversations: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    candidates: tuple[int, ...]
    mentions: tuple[Mention, ...]

    @property
    def references(self) -> list[str]:
        """What is the person's, as mentions are referred to."""
        return [
            *(ticket.number for ticket in self.tickets),
            *(f"conversation:{name}" for name in self.conversations),
            *(f"candidate:{identity}" for identity in self.candidates),
        ]


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

    def find(self, contact: str, also: Sequence[str] = ()) -> Kept:
        """Returns what is kept of the person with an address.

        Args:
            contact: the address, in any spelling; `anna@x.no` is not found in `johanna@x.no`.
            also: references of mentions that are to be counted among what is the person's.

        Raises:
            ValueError: the address is none, or a reference is not among the mentions.
        """
        address = fold_address(contact)
        named, page_contacts = self._named_conversations(address)
        named_tickets = self._named_tickets(address)
        theirs = {ticket.conversation_id for ticket, _ in named_tickets if is_address(ticket.contact_email, address)}
        contacts, tickets = self._contacts(sorted({*named, *theirs}), page_contacts)
        conversations = {name for name, found in contacts.items() if found == {address}}
        own = [
            ticket
            for ticket in tickets
            if is_address(ticket.contact_email, address)
            or (not ticket.contact_email and ticket.conversation_id in conversations)
        ]
        numbers = {ticket.number for ticket in own}
        mentions = [Mention(ticket.number, words) for ticket, words in named_tickets if ticket.number not in numbers]
        own += [ticket for ticket, _ in named_tickets if ticket.number in also and ticket.number not in numbers]
        for name in sorted(contacts.keys() - conversations):
            words = named.get(name, "has a ticket of this person and another contact, too")
            mentions.append(Mention(f"conversation:{name}", words))
        conversations |= {name for name in contacts if f"conversation:{name}" in also}
        candidates = {row["id"] for row in self._rows(CANDIDATES, CANDIDATES.c.ticket_id, [item.id for item in own])}
        for identity, words in self._named_candidates(address):
            if identity not in candidates:
                mentions.append(Mention(f"candidate:{identity}", words))
                if f"candidate:{identity}" in also:
                    candidates.add(identity)
        return Kept(
            tuple(sorted(conversations)),
            tuple(sorted(own, key=lambda ticket: ticket.id)),
            tuple(sorted(candidates)),
            tuple(_without(mentions, also, contact)),
        )

    def export(self, kept: Kept) -> dict[str, Any]:
        """Returns all that is the person's as plain JSON values; mentions are not among it."""
        tickets = [
            as_json(ticket) | {"deliveries": [vars(item) for item in self._tickets.deliveries(ticket.number)]}
            for ticket in kept.tickets
        ]
        names = kept.conversations
        return {
            "conversations": [{"id": name, "events": self._events(name)} for name in names],
            "tickets": tickets,
            "outcomes": self._rows(OUTCOMES, OUTCOMES.c.conversation_id, names),
            "searches": self._rows(SEARCHES, SEARCHES.c.conversation_id, names),
            "candidates": self._rows(CANDIDATES, CANDIDATES.c.id, kept.candidates),
            "page": [page for page in self._page_sessions() if page["conversation"] in names] if names else [],
        }

    def erase(self, kept: Kept) -> None:
        """Deletes all that is the person's; mentions stay."""
        for names in _portions(kept.conversations):
            with self._conversations.begin() as connection:
                connection.execute(delete(EVENTS).where(EVENTS.c.sender_id.in_(names)))
        engine = self._tickets.engine
        with reported(engine), engine.begin() as connection:
            for names in _portions(kept.conversations):
                for table in (OUTCOMES, SEARCHES):
                    connection.execute(delete(table).where(table.c.conversation_id.in_(names)))
            for identities in _portions(kept.candidates):
                connection.execute(delete(CANDIDATES).where(CANDIDATES.c.id.in_(identities)))
            for identities in _portions([ticket.id for ticket in kept.tickets]):
                connection.execute(delete(TICKETS).where(TICKETS.c.id.in_(identities)))  # its outbox goes with it
        if self._redis_url and kept.conversations:
            with redis.Redis.from_url(self._redis_url) as client:
                client.delete(*[key(name) for name in kept.conversations])

    def _named_conversations(self, address: str) -> tuple[dict[str, str], dict[str, str]]:
        """Returns conversations with the words that name an address, and the contacts that the page knows of them."""
        named: dict[str, str] = {}
        pages: dict[str, str] = {}
        for row in _stream(self._conversations, select(EVENTS.c.sender_id, EVENTS.c.data), EVENTS.c.data):
            _note(named, row.sender_id, _mention(json.loads(row.data), address))
        searches = select(SEARCHES.c.conversation_id, SEARCHES.c.text)
        for row in _stream(self._tickets.engine, searches, SEARCHES.c.text):
            _note(named, row.conversation_id, _mention(row.text, address))
        for page in self._page_sessions():
            _note(named, page["conversation"], _mention(page, address))
            if page["page_email"]:
                pages[page["conversation"]] = page["page_email"]
        return named, pages

    def _named_tickets(self, address: str) -> list[tuple[Ticket, str]]:
        """Returns tickets with the words that name an address, in themselves or in what a help desk said of them."""
        texts = (TICKETS.c[name] for name in ("contact_email", "summary", "transcript", "entities", "steps_tried"))
        named: dict[int, str] = {}
        for row in _stream(self._tickets.engine, select(TICKETS), *texts, TICKETS.c.assignee):
            _note(named, row.id, _mention(as_json(read_ticket(row)), address))
        refusals = select(OUTBOX.c.ticket_id, OUTBOX.c.reason)
        for row in _stream(self._tickets.engine, refusals, OUTBOX.c.reason):
            _note(named, row.ticket_id, _mention(row.reason, address))
        return [(ticket, named[ticket.id]) for ticket in self._tickets_where(TICKETS.c.id, sorted(named))]

    def _named_candidates(self, address: str) -> Iterator[tuple[int, str]]:
        for row in _stream(self._tickets.engine, select(CANDIDATES.c.id, CANDIDATES.c.text), CANDIDATES.c.text):
            words = _mention(row.text, address)
            if words:
                yield row.id, words

    def _contacts(self, names: Sequence[str], pages: dict[str, str]) -> tuple[dict[str, set[str]], list[Ticket]]:
        """Returns the contacts of conversations, folded, and the tickets that came from these conversations."""
        contacts = {name: {pages.get(name), *_event_contacts(self._events(name))} for name in names}
        tickets = self._tickets_where(TICKETS.c.conversation_id, names)
        for ticket in tickets:
            contacts[ticket.conversation_id].add(ticket.contact_email)
        return {name: {_folded(item) for item in found if item} for name, found in contacts.items()}, tickets

    def _tickets_where(self, column: ColumnElement[Any], values: Sequence[Any]) -> list[Ticket]:
        engine = self._tickets.engine
        with reported(engine), engine.connect().execution_options(reads_only=True) as connection:
            return [
                read_ticket(row)
                for some in _portions(values)
                for row in connection.execute(select(TICKETS).where(column.in_(some)).order_by(TICKETS.c.id))
            ]

    def _rows(self, table: Table, column: ColumnElement[Any], values: Sequence[Any]) -> list[dict[str, Any]]:
        engine = self._tickets.engine
        with reported(engine), engine.connect().execution_options(reads_only=True) as connection:
            return [
                dict(row._mapping)
                for some in _portions(values)
                for row in connection.execute(select(table).where(column.in_(some)).order_by(table.c.id))
            ]

    def _events(self, conversation: str) -> list[dict[str, Any]]:
        query = select(EVENTS.c.data).where(EVENTS.c.sender_id == conversation).order_by(EVENTS.c.id)
        with self._conversations.connect() as connection:
            return [json.loads(row.data) for row in connection.execute(query)]

    def _page_sessions(self) -> Iterator[dict[str, Any]]:
        """Yields every conversation that the page keeps in Redis."""
        if not self._redis_url:
            return
        with redis.Redis.from_url(self._redis_url) as client:
            for names in _portions(list(client.scan_iter(key("*"), count=_AT_ONCE))):
                yield from (json.loads(kept) for kept in client.mget(names) if kept)


def _stream(engine: Engine, query: Any, *columns: ColumnElement[Any]) -> Iterator[Row]:
    """Yields the rows of a query that have an at sign in one of the columns; no spelling of an address is without."""
    signs = {*AT_SIGNS, *(json.dumps(sign).strip('"') for sign in AT_SIGNS)}
    found = or_(*(cast(column, Text).contains(sign, autoescape=True) for column in columns for sign in sorted(signs)))
    with engine.connect() as connection:
        options = connection.execution_options(reads_only=True, stream_results=True)
        yield from options.execute(query.where(found)).yield_per(_AT_ONCE)


def _event_contacts(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yields the contacts in the events of a conversation: those the page told, and the last one put into the form."""
    last = ""
    for event in events:
        if event.get("event") == "slot" and event.get("name") == "contact_email":
            last = event.get("value") or last
        elif event.get("event") == "user":
            yield str((event.get("metadata") or {}).get("email") or "")
    yield last


def _folded(contact: str) -> str:
    try:
        return fold_address(contact)
    except ValueError:
        return contact


def _note(found: dict[Any, str], name: Any, words: str | None) -> None:
    if words:
        found.setdefault(name, words)


def _mention(value: Any, address: str) -> str | None:
    return next((words for text in _texts(value) if (words := find_mention(text, address))), None)


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


def _without(mentions: Iterable[Mention], chosen: Sequence[str], contact: str) -> list[Mention]:
    """Returns the mentions that were not chosen."""
    by_reference = {mention.reference: mention for mention in mentions}
    for reference in chosen:
        if by_reference.pop(reference, None) is None:
            raise ValueError(
                f"`{reference}` is not among what mentions {contact}; the command without --also lists what is."
            )
    return list(by_reference.values())


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
