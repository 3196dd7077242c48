"""Rasa's tracker store, named in endpoints.yml: SQLite or PostgreSQL, as the settings say."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from rasa.core.agent import Agent
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy.orm import sessionmaker

from bot.serving import metrics
from bot.serving.conversations import ConversationsError, open_conversations
from bot.settings import get_settings


class ConversationStore(SQLTrackerStore):
    """Rasa's SQL tracker store on the database of the settings, which never stops the server while it waits.

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
        TrackerStore.__init__(self, domain, event_broker, **kwargs)

    async def keys(self) -> Iterable[str]:
        """Returns the ids of all conversations."""
        return await asyncio.to_thread(self._keys)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keeps the events that are not kept yet."""
        await self.stream_events(tracker)
        with metrics.LATENCY.labels("tracker_save").time():
            kept = await asyncio.to_thread(self._save, tracker)
        for new in kept:
            metrics.count(new)

    def check(self) -> None:
        """Asks the database for an answer; raises SQLAlchemyError where there is none."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    async def _retrieve(self, sender_id: str, fetch_events_from_all_sessions: bool) -> DialogueStateTracker | None:
        with metrics.LATENCY.labels("tracker_read").time():
            kept = await asyncio.to_thread(self._read, sender_id, fetch_events_from_all_sessions)
        if not self.domain or not kept:
            return None
        return DialogueStateTracker.from_dict(sender_id, [json.loads(data) for data in kept], self.domain.slots)

    def _keys(self) -> list[str]:
        with self.session_scope() as session:
            return [sender for (sender,) in session.query(self.SQLEvent.sender_id).distinct()]

    def _read(self, sender_id: str, all_sessions: bool) -> list[str]:
        with self.session_scope() as session:
            return [row.data for row in self._event_query(session, sender_id, all_sessions)]

    def _save(self, tracker: DialogueStateTracker) -> list[dict[str, Any]]:
        """Keeps the events that are not kept yet; returns them."""
        with self.session_scope() as session:
            known = self._event_query(session, tracker.sender_id, fetch_events_from_all_sessions=False).count()
            kept = [(new.type_name, new.as_dict()) for new in itertools.islice(tracker.events, known, None)]
            for type_name, data in kept:
                session.add(
                    self.SQLEvent(
                        sender_id=tracker.sender_id,
                        type_name=type_name,
                        timestamp=data.get("timestamp"),
                        intent_name=data.get("parse_data", {}).get("intent", {}).get("name"),
                        action_name=data.get("name"),
                        data=json.dumps(data),
                    )
                )
            session.commit()
        return [data for _, data in kept]


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
