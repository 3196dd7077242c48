"""Stores for the support page's conversations: this process, a database, or Redis where several servers share them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Executable, Select

from bot.settings import Settings
from bot.stores.conversations import SESSIONS, make_table, open_conversations
from bot.stores.sessions import Session, SessionError, as_json, from_json, key
from bot.stores.shared_redis import NO_REDIS, RedisLock, open_redis, take_lock

# Executed with every message: as text, SQLAlchemy need not make it anew each time (0.07 instead of 0.28 ms).
_UPDATE = text("UPDATE page_sessions SET expires = :expires, data = :data WHERE conversation = :conversation")
_SWEEP_SECONDS = 60
# Where the server is full, a conversation that has rested for so long makes room for a new one.
_RESTING_SECONDS = 900
# Sanic gives up on a handler that is silent for a minute.
_LOCK_WAIT_SECONDS = 40
_RETRY_SECONDS = 2


class NoLock:
    """The lock of a conversation that only this process knows: its turns wait for each other anyway."""

    async def lost(self) -> bool:
        """Tells that nobody else can have it."""
        return False

    async def release(self) -> None:
        """Does nothing."""


class MemorySessions:
    """Keeps conversations in this process.

    Args:
        capacity: how many at once.

    Attributes:
        restored: conversations that a server which has died since may have answered once more than is kept here.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.restored: set[str] = set()
        # Those that have rested longest come first.
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def add(self, session: Session) -> None:
        """Keeps a new conversation, if need be in place of one that rests.

        Raises:
            SessionError: 429, all of them are being used.
        """
        if len(self._sessions) >= self._capacity:
            oldest = next(iter(self._sessions.values()))
            wait = oldest.seen + _RESTING_SECONDS - time.time()
            if wait > 0 and oldest.expires > time.time():
                raise SessionError(429, "busy", retry_after=min(60, int(wait) + 1))
            await self.remove(oldest.conversation)
        self._sessions[session.conversation] = session

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        session = self._sessions.get(conversation)
        if session is not None and session.expires <= time.time():
            await self.remove(conversation)
            return None
        return session

    async def save(self, session: Session) -> None:
        """Notes that a conversation is being used; its content is here already."""
        if session.conversation in self._sessions:
            session.seen = time.time()
            self._sessions.move_to_end(session.conversation)

    async def save_message(self, session: Session, person_wanted: bool) -> None:
        """Notes that a conversation is being used by a message that is to be answered now."""
        await self.save(session)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        self._sessions.pop(conversation, None)
        self.restored.discard(conversation)

    async def forget_expired(self) -> None:
        """Forgets conversations that have expired, every minute for as long as it is not cancelled."""
        while True:
            now = time.time()
            for name in [name for name, session in self._sessions.items() if session.expires <= now]:
                await self.remove(name)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def lock(self, conversation: str) -> NoLock | ProcessLock:
        """Returns at once: there is no other server."""
        return NoLock()


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

    async def add(self, session: Session) -> None:
        """Keeps a new conversation."""
        await super().add(session)
        await self._write(insert(SESSIONS).values(conversation=session.conversation, **_columns(session)))

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

    async def save(self, session: Session) -> None:
        """Keeps what has changed in a conversation, unless it has been removed meanwhile."""
        await super().save(session)
        await self._write(_UPDATE, {"conversation": session.conversation, **_columns(session)})

    async def save_message(self, session: Session, person_wanted: bool) -> None:
        """Keeps a message before it is answered, where a person has been asked for.

        Elsewhere it is kept with its answer alone, in half the time. What a server that dies in between has answered is
        in the tracker, where it is looked for when the message comes again (`restored`).
        """
        await (self.save(session) if person_wanted else super().save(session))

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
            await asyncio.wait_for(lock.acquire(), _LOCK_WAIT_SECONDS)
        except asyncio.TimeoutError as error:
            raise SessionError(429, "busy", retry_after=_RETRY_SECONDS) from error
        return ProcessLock(lock)

    def _read(self, query: Select) -> str | None:
        with self._engine.connect() as connection:
            data: str | None = connection.execute(query).scalar()
            return data

    async def _write(self, statement: Executable, values: dict[str, Any] | None = None) -> None:
        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(statement, values or {})

        with _database_answering():
            await asyncio.to_thread(write)


class RedisSessions:
    """Keeps conversations in Redis until their tokens expire, for several servers: any goes on where another stopped.

    Each method raises SessionError (503) where Redis does not answer or is full.

    Args:
        url: address of Redis.

    Attributes:
        restored: none, because every message is kept before it is answered.
    """

    restored: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._redis = open_redis(url)

    async def add(self, session: Session) -> None:
        """Keeps a new conversation."""
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires))

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        async with _answering():
            kept = await self._redis.get(key(conversation))
        return from_json(kept) if kept else None

    async def save(self, session: Session) -> None:
        """Keeps what has changed in a conversation, unless it has been removed meanwhile."""
        session.seen = time.time()
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires), xx=True)

    async def save_message(self, session: Session, person_wanted: bool) -> None:
        """Keeps a message before it is answered: another server may have to answer it."""
        await self.save(session)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        async with _answering():
            await self._redis.delete(key(conversation))

    async def lock(self, conversation: str) -> RedisLock:
        """Waits until no other message of the conversation is being answered, by whatever server.

        Raises:
            SessionError: 429, that takes too long.
        """
        async with _answering():
            lock = await take_lock(self._redis, f"bot:turn:{conversation}", _LOCK_WAIT_SECONDS)
        if lock is None:
            raise SessionError(429, "busy", retry_after=_RETRY_SECONDS)
        return lock


SessionStore = MemorySessions | RedisSessions  # KeptSessions is a MemorySessions
SessionLock = NoLock | ProcessLock | RedisLock


def open_sessions(settings: Settings) -> SessionStore:
    """Returns the store that the settings name.

    Raises:
        ConversationsError: the database cannot be used.
    """
    if settings.redis_url:
        return RedisSessions(settings.redis_url.get_secret_value())
    if settings.desk == "on":
        return KeptSessions(settings.sessions_at_once, settings.tracker_database.get_secret_value())
    return MemorySessions(settings.sessions_at_once)


def _columns(session: Session) -> dict[str, Any]:
    return {"expires": session.expires, "data": as_json(session)}


@contextmanager
def _database_answering() -> Iterator[None]:
    """Turns a database that cannot be used into a refusal that the customer sees."""
    try:
        yield
    except SQLAlchemyError as error:
        raise SessionError(503, "failed", retry_after=_RETRY_SECONDS) from error


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turns a Redis that does not answer into a refusal that the customer sees."""
    try:
        yield
    except NO_REDIS as error:
        raise SessionError(503, "failed", retry_after=_RETRY_SECONDS) from error
