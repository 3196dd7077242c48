"""Rasa's tracker store, named in endpoints.yml: SQLite or PostgreSQL, as the settings say."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rasa.core.agent import Agent
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.sql.elements import ColumnElement

from bot.serving import action_endpoint, graph_runner, metrics
from bot.serving.conversations import EVENTS, ConversationsError, open_conversations
from bot.settings import get_settings

# Asked with every message: as text, SQLAlchemy need not make it anew each time.
_NEWEST = text("SELECT MAX(id) FROM events WHERE sender_id = :sender_id")
_INSERT = EVENTS.insert()
_CONVERSATIONS_AT_HAND = 256
"""How many stay in memory; a long one takes some 300 kB."""


@dataclass
class _AtHand:
    """A conversation as it was kept last, so that its next message need not read all of it again."""

    tracker: DialogueStateTracker
    domain: Domain
    events: int
    """How many of the tracker's events are kept."""
    last: int
    """The row of the newest one."""
    lent: bool
    """Whether somebody is changing the tracker, or has failed to; then the database tells how things are."""


class ConversationStore(SQLTrackerStore):
    """Rasa's SQL tracker store on the database of the settings, which never stops the server while it waits.

    The conversations that were kept last stay in memory. What is in the database counts: one question tells whether
    another server, or an erasure, has changed a conversation since, and then it is read again.

    Args:
        domain: the assistant's domain.
        event_broker: where events are published.
        host: not used; Rasa gives it.
        **kwargs: Rasa's own.

    Raises:
        RasaException: the database cannot be used.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        host: str | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            self.engine = open_conversations(get_settings().tracker_database.get_secret_value())
        except ConversationsError as error:
            raise RasaException(str(error)) from error
        self.sessionmaker = sessionmaker(bind=self.engine)
        self._at_hand: OrderedDict[str, _AtHand] = OrderedDict()
        TrackerStore.__init__(self, domain, event_broker, **kwargs)

    async def keys(self) -> Iterable[str]:
        """Returns the ids of all conversations."""
        return await asyncio.to_thread(self._keys)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keeps the events that are not kept yet."""
        known = self._at_hand.get(tracker.sender_id)
        kept = known.events if known is not None and known.tracker is tracker else None
        with metrics.LATENCY.labels("tracker_save").time():
            new, last = await asyncio.to_thread(self._save, tracker, kept)
        self._remember(tracker, last)
        for event in new:
            metrics.count(event)
            if self.event_broker is not None:
                self.event_broker.publish({"sender_id": tracker.sender_id, **event})

    def check(self) -> None:
        """Asks the database for an answer; raises SQLAlchemyError where there is none."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        known = None if fetch_events_from_all_sessions else self._at_hand.get(sender_id)
        if known is not None and (known.lent or known.domain is not self.domain):
            known = None
        if known is not None:
            known.lent = True  # before anybody else can run
        with metrics.LATENCY.labels("tracker_read").time():
            last = known.last if known is not None else None
            kept = await asyncio.to_thread(self._read, sender_id, fetch_events_from_all_sessions, last)
        if known is not None and kept is None:
            return known.tracker
        if not self.domain or not kept:
            return None
        events = [json.loads(data) for _, data in kept]
        tracker = DialogueStateTracker.from_dict(sender_id, events, self.domain.slots)
        if not fetch_events_from_all_sessions:
            self._remember(tracker, kept[-1][0], lent=True)
        return tracker

    def _remember(self, tracker: DialogueStateTracker, last: int, lent: bool = False) -> None:
        """Keeps a conversation at hand, unless it has begun anew: then what was said before is not read again."""
        events = tracker.events
        if sum(isinstance(event, SessionStarted) for event in events) > 1:
            self._at_hand.pop(tracker.sender_id, None)
            return
        self._at_hand[tracker.sender_id] = _AtHand(tracker, self.domain, len(events), last, lent)
        self._at_hand.move_to_end(tracker.sender_id)
        if len(self._at_hand) > _CONVERSATIONS_AT_HAND:
            self._at_hand.popitem(last=False)

    def _keys(self) -> list[str]:
        with self.session_scope() as session:
            return [sender for (sender,) in session.query(self.SQLEvent.sender_id).distinct()]

    def _read(self, sender_id: str, all_sessions: bool, known: int | None) -> list[tuple[int, str]] | None:
        """Returns the events of a conversation with their rows; None if the known row is still the newest one."""
        with self.engine.connect() as connection:
            newest = connection.execute(_NEWEST, {"sender_id": sender_id}).scalar()
            if newest is None:
                return []
            if newest == known:
                return None
            found = select(EVENTS.c.id, EVENTS.c.data).where(EVENTS.c.sender_id == sender_id).order_by(EVENTS.c.id)
            if not all_sessions:
                found = found.where(_of_last_session(sender_id))
            return [(row, data) for row, data in connection.execute(found)]

    def _save(self, tracker: DialogueStateTracker, kept: int | None) -> tuple[list[dict[str, Any]], int]:
        """Keeps the events that are not kept yet; returns them and the row of the newest event."""
        sender_id = tracker.sender_id
        with self.engine.begin() as connection:
            if kept is None:
                own = EVENTS.c.sender_id == sender_id
                count = select(func.count()).select_from(EVENTS).where(own, _of_last_session(sender_id))
                kept = int(connection.execute(count).scalar_one())
            new = [event.as_dict() for event in itertools.islice(tracker.events, kept, None)]
            if new:
                connection.execute(_INSERT, [_row(sender_id, event) for event in new])
            last = connection.execute(_NEWEST, {"sender_id": sender_id}).scalar()
        return new, int(last or 0)


def _of_last_session(sender_id: str) -> ColumnElement[bool]:
    """Returns what holds of the events since a conversation has begun anew, as Rasa's own store asks it."""
    begun = (
        select(func.max(EVENTS.c.timestamp))
        .where(EVENTS.c.sender_id == sender_id, EVENTS.c.type_name == SessionStarted.type_name)
        .scalar_subquery()
    )
    return or_(EVENTS.c.timestamp >= begun, begun.is_(None))


def _row(sender_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sender_id": sender_id,
        "type_name": event["event"],
        "timestamp": event.get("timestamp"),
        "intent_name": event.get("parse_data", {}).get("intent", {}).get("name"),
        "action_name": event.get("name"),
        "data": json.dumps(event),
    }


_rasas_choice: Callable[..., TrackerStore] = Agent._create_tracker_store


def _as_it_is(store: TrackerStore | None, domain: Domain) -> TrackerStore:
    """Returns our store without Rasa's safety net, which makes a conversation that cannot be read a new one.

    The customer would be answered as a stranger, and the turn would be missing from the conversation for good. This way
    the message fails, the customer is told so, and can send it again.
    """
    if isinstance(store, ConversationStore):
        store.domain = domain
        return store
    return _rasas_choice(store, domain)


Agent._create_tracker_store = staticmethod(_as_it_is)
# Both must be there before a model is loaded, and every command that answers opens the tracker store first.
graph_runner.install()
action_endpoint.install()
