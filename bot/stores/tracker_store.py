"""Rasa's tracker store, named in endpoints.yml: SQLite or PostgreSQL, as the settings say."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from sqlalchemy.sql.elements import ColumnElement

from bot import metrics, rasa_patches
from bot.settings import get_settings
from bot.stores.conversations import EVENTS, ConversationsError, open_conversations

# Asked with every message: as text, SQLAlchemy need not make it anew each time.
_NEWEST = text("SELECT MAX(id) FROM events WHERE sender_id = :sender_id")
_SINCE = text("SELECT MAX(id), COUNT(*) FROM events WHERE sender_id = :sender_id AND id >= :row")
_INSERT = EVENTS.insert()
_SAVE_SECONDS = 4
_TRY_AGAIN_SECONDS = 0.2
# Number of events that stay in memory, of all conversations together: some 30 MB, those of 200 conversations.
# Measured: 2.2 to 2.8 kB an event of a conversation that was made here, 3.7 to 5 kB of one that was read. Ten turns are
# 100 events and take 0.25 to 0.43 MB; a hundred turns are 1,100 and take 2.4 to 4.1 MB.
_CACHED_EVENTS = 12_000
_COUNTED_ACTIONS = {"action_not_understood": metrics.FALLBACKS, "action_open_ticket": metrics.HAND_OVERS}
# The events that a save has added, and the row of the newest one; None where the conversation must be read again.
_Saved = tuple[list[dict[str, Any]], int | None]


class AnsweredElsewhereError(RasaException):
    """A turn that is not kept: another server has answered the same message meanwhile."""


@dataclass
class _Cached:
    """A conversation as it was saved last, so that its next message need not read all of it again.

    Args:
        tracker: with all events, saved or not.
        domain: that the tracker was made with.
        events: number of the tracker's events that are saved.
        last: the id of the newest one's row.
        in_use: true while a message is changing the tracker, or after it has failed to: then the conversation is read
            from the database.
    """

    tracker: DialogueStateTracker
    domain: Domain
    events: int
    last: int
    in_use: bool


class ConversationStore(SQLTrackerStore):
    """Rasa's SQL tracker store on the database of the settings; it waits in threads, so that the server goes on.

    The conversations that were saved last are cached. What is in the database counts: one query tells whether another
    server, or an erasure, has changed a conversation since, and then it is read again.

    Args:
        domain: the assistant's domain.
        event_broker: where events are published.
        **kwargs: Rasa's own, not used.

    Raises:
        RasaException: the database cannot be used.
    """

    needs_no_safety_net = True
    """Rasa's would make a conversation that cannot be read a new one (bot/rasa_patches/tracker_store.py)."""

    def __init__(self, domain: Domain | None = None, event_broker: EventBroker | None = None, **kwargs: Any) -> None:
        try:
            self.engine = open_conversations(get_settings().tracker_database.get_secret_value())
        except ConversationsError as error:
            raise RasaException(str(error)) from error
        self.sessionmaker = sessionmaker(bind=self.engine)
        self._cache: dict[str, _Cached] = {}
        TrackerStore.__init__(self, domain, event_broker, **kwargs)

    def beside(self) -> ConversationStore:
        """Returns a store on the same database and broker for another model: its trackers have that model's slots."""
        other = copy(self)
        other._cache = {}
        return other

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Saves the events that are not saved yet."""
        cached = self._cache.get(tracker.sender_id)
        if cached and cached.tracker is not tracker:
            cached = None
        with metrics.LATENCY.labels("tracker_save").time():
            new, last = await self._save_or_try_again(tracker, cached)
        self._put_in_cache(tracker, last)
        for event in new:
            count(event)
            if self.event_broker is not None:
                self.event_broker.publish({"sender_id": tracker.sender_id, **event})

    def check(self) -> None:
        """Asks the database for an answer; raises SQLAlchemyError where there is none."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        cached = None if fetch_events_from_all_sessions else self._cache.get(sender_id)
        if cached and (cached.in_use or cached.domain is not self.domain):
            cached = None
        if cached:
            cached.in_use = True  # before anybody else can run
        with metrics.LATENCY.labels("tracker_read").time():
            last = cached.last if cached else None
            kept = await asyncio.to_thread(self._read, sender_id, fetch_events_from_all_sessions, last)
        if cached and kept is None:
            return cached.tracker
        if not kept:
            return None
        events = [json.loads(data) for _, data in kept]
        tracker = DialogueStateTracker.from_dict(sender_id, events, self.domain.slots)
        if not fetch_events_from_all_sessions:
            self._put_in_cache(tracker, kept[-1][0], in_use=True)
        return tracker

    def _put_in_cache(self, tracker: DialogueStateTracker, last: int | None, in_use: bool = False) -> None:
        """Caches a conversation, unless its last row is not known, or it is too long or has begun anew."""
        self._cache.pop(tracker.sender_id, None)
        starts = sum(isinstance(event, SessionStarted) for event in tracker.events)
        if last is None or starts > 1 or len(tracker.events) > _CACHED_EVENTS:
            return  # it is read each time
        self._cache[tracker.sender_id] = _Cached(tracker, self.domain, len(tracker.events), last, in_use)
        while sum(cached.events for cached in self._cache.values()) > _CACHED_EVENTS:
            del self._cache[next(iter(self._cache))]  # the one that was used longest ago

    def _read(self, sender_id: str, all_sessions: bool, last: int | None) -> list[tuple[int, str]] | None:
        """Returns the events of a conversation with their rows; None if the last known row is still the newest one."""
        with self.engine.connect() as connection:
            newest = connection.execute(_NEWEST, {"sender_id": sender_id}).scalar()
            if newest is None:
                return []
            if newest == last:
                return None
            wanted = EVENTS.c.sender_id == sender_id if all_sessions else _of_last_session(sender_id)
            found = connection.execute(select(EVENTS.c.id, EVENTS.c.data).where(wanted).order_by(EVENTS.c.id))
            return [(row, data) for row, data in found]

    async def _save_or_try_again(self, tracker: DialogueStateTracker, cached: _Cached | None) -> _Saved:
        """Saves a turn; the customer sees its answer already, so a database that is away for a moment is waited for."""
        deadline = time.monotonic() + _SAVE_SECONDS
        while True:
            try:
                return await asyncio.to_thread(self._save, tracker, cached)
            except SQLAlchemyError:
                if time.monotonic() >= deadline:
                    raise
            cached = None  # the try may have arrived: what the database has is counted
            await asyncio.sleep(_TRY_AGAIN_SECONDS)

    def _save(self, tracker: DialogueStateTracker, cached: _Cached | None) -> _Saved:
        """Saves the events that are not saved yet.

        Returns:
            These events, and the row of the newest one; None in its place where somebody else has written or erased,
            or might have, so that the conversation is no longer the tracker's.

        Raises:
            AnsweredElsewhereError: another server has answered the same message.
        """
        sender_id = tracker.sender_id
        with self.engine.begin() as connection:
            count = select(func.count()).select_from(EVENTS).where(_of_last_session(sender_id))
            kept = cached.events if cached else int(connection.execute(count).scalar_one())
            new = [event.as_dict() for event in itertools.islice(tracker.events, kept, None)]
            if new:
                connection.execute(_INSERT, [_row(sender_id, event) for event in new])
            # The row that was the newest must still be there, and only ours after it. Of a tracker that was not in
            # the cache no row is known: all must be ours.
            row = cached.last if cached else 0
            last, found = connection.execute(_SINCE, {"sender_id": sender_id, "row": row}).one()
            if cached and found > len(new) + 1:
                _check_answered_once(connection, sender_id, row)
        undisturbed = found == len(new) + (cached is not None)
        return new, last if undisturbed else None


def _check_answered_once(connection: Connection, sender_id: str, row: int) -> None:
    """Refuses a message that is saved twice after a row: this server was stopped, and another one has answered it."""
    own = (EVENTS.c.sender_id == sender_id) & (EVENTS.c.id > row) & (EVENTS.c.type_name == "user")
    found = connection.execute(select(EVENTS.c.data).where(own))
    messages = [message for (data,) in found if (message := json.loads(data).get("message_id"))]
    if len(set(messages)) < len(messages):
        raise AnsweredElsewhereError("another server has answered a message that this one was about to answer.")


def _of_last_session(sender_id: str) -> ColumnElement[bool]:
    """Returns the condition for a conversation's events since its last `session_started`, all where there is none.

    Rasa's own store goes by the time, and finds no further event for an hour where a clock was an hour ahead.
    """
    own = EVENTS.c.sender_id == sender_id
    starts = select(func.coalesce(func.max(EVENTS.c.id), 0)).where(own, EVENTS.c.type_name == SessionStarted.type_name)
    return own & (EVENTS.c.id >= starts.scalar_subquery())


def _row(sender_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sender_id": sender_id,
        "type_name": event["event"],
        "timestamp": event.get("timestamp"),
        "intent_name": event.get("parse_data", {}).get("intent", {}).get("name"),
        "action_name": event.get("name"),
        "data": json.dumps(event),
    }


def count(event: Mapping[str, Any]) -> None:
    """Counts an event of a conversation for the metrics.

    Args:
        event: as the tracker store keeps it.
    """
    if event["event"] == "user":
        metrics.MESSAGES.labels(event.get("input_channel") or "unknown").inc()
        understood = event.get("parse_data") or {}
        metrics.INTENTS.labels((understood.get("intent") or {}).get("name") or "none").inc()
        languages = [each["value"] for each in understood.get("entities") or () if each["entity"] == "language"]
        if languages:
            metrics.LANGUAGES.labels(str(languages[0])).inc()
    elif event["event"] == "action" and event["name"] in _COUNTED_ACTIONS:
        _COUNTED_ACTIONS[event["name"]].inc()


rasa_patches.install()
