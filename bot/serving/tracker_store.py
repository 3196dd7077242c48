"""Rasa's tracker store, named in endpoints.yml: SQLite or PostgreSQL, as the settings say."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

from bot.serving import metrics
from bot.settings import get_settings

logger = logging.getLogger(__name__)

EVENTS = SQLTrackerStore.SQLEvent.__table__
# A customer waits for an answer: a database that swallows connections must become an apology before they give up.
_CONNECT_SECONDS = 5
_BUSY_SECONDS = 20


def open_tracker_engine(url: str) -> Engine:
    """Opens the database of conversations and makes its table if there is none.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/conversations.db` or `postgresql://user:password@host/name`.

    Raises:
        RasaException: it cannot be used; the message names BOT_TRACKER_DATABASE and no password.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
            options: dict[str, Any] = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
            engine = create_engine(parsed, poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args=options)
            event.listen(engine, "connect", _prepare_sqlite)
        else:
            # A connection that PostgreSQL has dropped is noticed before it is used; it has 100 for all processes.
            options = {"connect_timeout": _CONNECT_SECONDS}
            engine = create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=4,
                max_overflow=4,
                pool_timeout=_BUSY_SECONDS,
                connect_args=options,
            )
        _make_table(engine)
    except (SQLAlchemyError, OSError, ImportError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise RasaException(
            f"the database of conversations cannot be used ({cause[0] if cause else type(error).__name__}); "
            "mend BOT_TRACKER_DATABASE or start it."
        ) from error
    return engine


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
        self.engine = open_tracker_engine(get_settings().tracker_database.get_secret_value())
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


def _make_table(engine: Engine) -> None:
    if inspect(engine).has_table(EVENTS.name):
        return
    try:
        SQLTrackerStore.Base.metadata.create_all(engine)
    except (OperationalError, ProgrammingError, IntegrityError):
        if not inspect(engine).has_table(EVENTS.name):  # otherwise another server was first
            raise


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
