"""The support page's conversations in a database, for one server: they outlive it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Executable, Select

from bot.stores.conversations import SESSIONS, make_table, open_conversations
from bot.stores.session_stores import LOCK_WAIT_SECONDS, RETRY_SECONDS, MemorySessions, NoLock
from bot.stores.sessions import Session, SessionError, as_json, from_json

logger = logging.getLogger(__name__)

# As text, SQLAlchemy need not make it anew each time (0.07 instead of 0.28 ms).
_UPDATE = text("UPDATE page_sessions SET expires = :expires, data = :data WHERE conversation = :conversation")
_WRITE_SECONDS = 1


class ProcessLock(NoLock):
    """The lock of a conversation among the requests of this process.

    Args:
        lock: taken already.
    """

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock

    async def release(self) -> None:
        """Lets the next request in."""
        self._lock.release()


class KeptSessions(MemorySessions):
    """Keeps conversations in this process, and in the database of Rasa's, so that a server that is killed loses none.

    Writing with every answer would cost a customer a millisecond each time: what Rasa's tracker has, too, is written a
    second later.

    Each method raises SessionError (503) where the database cannot be used.

    Args:
        capacity: how many at once.
        url: the database, in SQLAlchemy's notation.

    Raises:
        ConversationsError: the database cannot be used.
    """

    def __init__(self, capacity: int, url: str) -> None:
        super().__init__(capacity)
        self._engine = open_conversations(url)
        make_table(self._engine, SESSIONS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._changed: set[str] = set()
        self._writing = asyncio.Lock()  # an older state is not to come after a newer one

    async def add(self, session: Session) -> None:
        """Keeps a new conversation."""
        await super().add(session)
        await self._write(insert(SESSIONS).values(**_row(session)))

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        if conversation not in self._sessions:
            kept = select(SESSIONS.c.data).where(SESSIONS.c.conversation == conversation)
            with _database_answering():
                data = await asyncio.to_thread(self._read, kept)
            if data is not None:
                self._sessions.setdefault(conversation, from_json(data))  # another request may have been first
                self.restored.add(conversation)
        return await super().get(conversation)

    async def save(self, session: Session, soon: bool = False) -> None:
        """Keeps what has changed in a conversation, unless it has been removed meanwhile.

        Args:
            session: the conversation.
            soon: within a second or two is enough: what a server that dies before has answered is in Rasa's tracker.
        """
        await super().save(session)
        if soon:
            self._changed.add(session.conversation)
            return
        async with self._writing:
            await self._write(_UPDATE, _row(session))

    async def tend(self) -> None:
        """Forgets what has expired, and writes what has changed, for as long as it is not cancelled."""
        await asyncio.gather(super().tend(), self._write_changed())

    async def _write_changed(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            async with self._writing:
                names, self._changed = self._changed, set()
                rows = []
                for session in filter(None, map(self._sessions.get, names)):
                    rows.append(_row(session))
                    await asyncio.sleep(0)  # others go on while many of them become JSON
                try:
                    if rows:
                        await self._write(_UPDATE, rows)
                except SessionError as error:
                    logger.warning("Conversations of the page could not be written yet: %s", error.__cause__)
                    self._changed |= names

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        await super().remove(conversation)
        await self._write(delete(SESSIONS).where(SESSIONS.c.conversation == conversation))

    async def lock(self, conversation: str) -> ProcessLock:
        """Waits until no other message is being answered: while it is written down, the same one may come again.

        Raises:
            SessionError: 429, that takes too long.
        """
        lock = self._locks.setdefault(conversation, asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), LOCK_WAIT_SECONDS)
        except asyncio.TimeoutError as error:
            raise SessionError(429, "busy", retry_after=RETRY_SECONDS) from error
        return ProcessLock(lock)

    def _read(self, query: Select) -> str | None:
        with self._engine.connect() as connection:
            data: str | None = connection.execute(query).scalar()
            return data

    async def _write(self, statement: Executable, values: dict[str, Any] | list[dict[str, Any]] | None = None) -> None:
        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(statement, values or {})

        with _database_answering():
            await asyncio.to_thread(write)


def _row(session: Session) -> dict[str, Any]:
    return {"conversation": session.conversation, "expires": session.expires, "data": as_json(session)}


@contextmanager
def _database_answering() -> Iterator[None]:
    """Turns a database that cannot be used into a refusal that the customer sees."""
    try:
        yield
    except SQLAlchemyError as error:
        raise SessionError(503, "failed", retry_after=RETRY_SECONDS) from error
