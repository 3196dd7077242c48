"""Databases of both kinds, and what people have said in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Engine

from bot.privacy.person import PersonalData
from bot.stores.conversations import EVENTS, open_conversations
from bot.tickets.model import SearchEvent, Ticket
from bot.tickets.store import TicketStore
from bot.tickets.tables import OUTBOX, SEARCHES, TICKETS
from tests.tickets.conftest import a_draft

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


@dataclass
class Kept:
    """The databases of a bot.

    Args:
        conversations: Rasa's.
        tickets: the ticket store, which delivers to a help desk called `webhook`.
        urls: their addresses.
    """

    conversations: Engine
    tickets: TicketStore
    urls: tuple[str, str]

    def data(self, redis_url: str | None = None) -> PersonalData:
        """Returns what finds people in them."""
        return PersonalData(self.conversations, self.tickets, redis_url)

    def say(self, conversation: str, text: str, days_ago: int = 0, email: str | None = None) -> None:
        """Adds a message to a conversation; `email` is the address that the page knows of its visitor."""
        self._event(conversation, days_ago, {"event": "user", "text": text, "metadata": {"email": email}})

    def contact(self, conversation: str, email: str | None) -> None:
        """Puts an address into the form for tickets."""
        self._event(conversation, 0, {"event": "slot", "name": "contact_email", "value": email})

    def _event(self, conversation: str, days_ago: int, event: dict[str, Any]) -> None:
        moment = (NOW - timedelta(days=days_ago)).timestamp()
        data = json.dumps({**event, "timestamp": moment})
        with self.conversations.begin() as connection:
            values = {"sender_id": conversation, "type_name": event["event"], "timestamp": moment, "data": data}
            connection.execute(insert(EVENTS).values(**values))

    def ticket(
        self, name: str, email: str | None, days_ago: int = 0, state: str = "new", way: str = "", **draft: Any
    ) -> Ticket:
        """Opens a ticket; `way` is the state of its delivery, none if it is empty; `draft` is what differs else."""
        self.tickets.targets = ("webhook",) if way else ()
        ticket = self.tickets.open(
            a_draft(**{"conversation_id": name, "form_id": name, "contact_email": email, **draft})
        )
        moment = NOW - timedelta(days=days_ago)
        with self.tickets.engine.begin() as connection:
            mine = TICKETS.c.id == ticket.id
            connection.execute(update(TICKETS).where(mine).values(updated_at=moment, state=state))
            sent = {"state": way, "external_id": "4711", "delivered_at": moment if way == "delivered" else None}
            connection.execute(update(OUTBOX).where(OUTBOX.c.ticket_id == ticket.id).values(**sent))
        return ticket

    def search(self, conversation: str, days_ago: int = 0) -> None:
        """Adds documents that were offered in a conversation."""
        self.tickets.record_search(SearchEvent(search_id=conversation, conversation_id=conversation, kind="shown"))
        with self.tickets.engine.begin() as connection:
            mine = SEARCHES.c.conversation_id == conversation
            connection.execute(update(SEARCHES).where(mine).values(at=NOW - timedelta(days=days_ago)))

    def searched(self) -> list[str]:
        """Returns the conversations in which documents were offered."""
        return [event.conversation_id for event in self.tickets.searches()]

    def talks(self) -> list[str]:
        """Returns the ids of the conversations that are kept."""
        with self.conversations.connect() as connection:
            return sorted(set(connection.execute(select(EVENTS.c.sender_id)).scalars()))


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Empty databases of each kind."""
    if request.param == "sqlite":
        urls = (f"sqlite:///{tmp_path / 'conversations.db'}", f"sqlite:///{tmp_path / 'tickets.db'}")
    else:
        server = request.getfixturevalue("postgres")
        urls = (server.database(), server.database())
    databases = Kept(open_conversations(urls[0]), TicketStore(urls[1]), urls)
    yield databases
    databases.conversations.dispose()
    databases.tickets.engine.dispose()
