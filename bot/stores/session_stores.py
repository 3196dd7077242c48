"""Stores for the support page's conversations: memory alone, memory and a database, or Redis; the settings choose."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Executable

from bot.settings import Settings
from bot.stores.conversations import SESSIONS, make_table, open_conversations
from bot.stores.sessions import Session, SessionError, as_json, from_json, key
from bot.stores.shared_redis import NO_REDIS, RedisLock, open_redis, take_lock

logger = logging.getLogger(__name__)
_SWEEP_SECONDS = 60
# Where the server is full, a conversation that has rested for so long makes room for a new one.
_RESTING_SECONDS = 900
# Sanic gives up on a handler that is silent for a minute.
LOCK_WAIT_SECONDS = 40
RETRY_SECONDS = 2
# As text, SQLAlchemy need not make it anew each time (0.07 instead of 0.28 ms).
_UPDATE = text("UPDATE page_sessions SET expires = :expires, data = :data WHERE conversation = :conversation")
_WRITE_SECONDS = 1
_Answer = TypeVar("_Answer")


class NoLock:
    """The lock of a conversation that only this process knows: its turns wait for each other anyway."""

    async def lost(self) -> bool:
        """Tells that nobody else can have it."""
        return False

    async def release(self) -> None:
        """Does nothing."""


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


class MemorySessions:
    """Keeps conversations in this process's memory.

    Args:
        capacity: how many at once.

    Attributes:
        restored: conversations of a server that has died since; Rasa's tracker may have more of them than is kept here.
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

    async def save(self, session: Session, soon: bool = False) -> None:
        """Records the time of the last use; the content needs no saving, being in memory."""
        if session.conversation in self._sessions:
            session.seen = time.time()
            self._sessions.move_to_end(session.conversation)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        self._sessions.pop(conversation, None)
        self.restored.discard(conversation)

    async def tend(self) -> None:
        """Removes conversations that have expired, every minute until it is cancelled."""
        while True:
            now = time.time()
            for name in [name for name, session in self._sessions.items() if session.expires <= now]:
                await self.remove(name)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def lock(self, conversation: str) -> NoLock:
        """Returns at once: there is no other server."""
        return NoLock()


class KeptSessions(MemorySessions):
    """Keeps conversations in memory and in the database of Rasa's conversations, so that a killed server loses none.

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
        await self._execute(insert(SESSIONS), _row(session))

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        if conversation not in self._sessions:
            data = await self._execute(select(SESSIONS.c.data).where(SESSIONS.c.conversation == conversation))
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
            await self._execute(_UPDATE, _row(session))

    async def tend(self) -> None:
        """Removes what has expired and writes what has changed, until it is cancelled."""
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
                        await self._execute(_UPDATE, rows)
                except SessionError as error:
                    logger.warning("Conversations of the page could not be written yet: %s", error.__cause__)
                    self._changed |= names

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        await super().remove(conversation)
        await self._execute(delete(SESSIONS).where(SESSIONS.c.conversation == conversation))

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

    async def _execute(self, statement: Executable, values: dict[str, Any] | list[dict[str, Any]] | None = None) -> Any:
        """Executes a statement in a transaction; returns the first value that it finds, None where there is none."""

        def execute() -> Any:
            with self._engine.begin() as connection:
                result = connection.execute(statement, values or {})
                return result.scalar() if result.returns_rows else None

        return await _answered(asyncio.to_thread(execute), SQLAlchemyError)


class RedisSessions:
    """Keeps conversations in Redis until their tokens expire, for several servers: any goes on where another stopped.

    Each method raises SessionError (503) where Redis does not answer or is full.

    Args:
        url: address of Redis.

    Attributes:
        restored: none, because every message is kept before it is answered.
    """

    def __init__(self, url: str) -> None:
        self._redis = open_redis(url)
        self.restored: set[str] = set()

    async def add(self, session: Session) -> None:
        """Keeps a new conversation."""
        await self._set(session)

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        kept = await _answered(self._redis.get(key(conversation)), *NO_REDIS)
        return from_json(kept) if kept else None

    async def save(self, session: Session, soon: bool = False) -> None:
        """Keeps what has changed in a conversation at once, unless it has been removed meanwhile."""
        session.seen = time.time()
        await self._set(session, only_if_kept=True)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        await _answered(self._redis.delete(key(conversation)), *NO_REDIS)

    async def lock(self, conversation: str) -> RedisLock:
        """Waits until no other message of the conversation is being answered, by whatever server.

        Raises:
            SessionError: 429, that takes too long.
        """
        lock = await _answered(take_lock(self._redis, f"bot:turn:{conversation}", LOCK_WAIT_SECONDS), *NO_REDIS)
        if lock is None:
            raise SessionError(429, "busy", retry_after=RETRY_SECONDS)
        return lock

    async def _set(self, session: Session, only_if_kept: bool = False) -> None:
        name, expires = key(session.conversation), int(session.expires)
        await _answered(self._redis.set(name, as_json(session), exat=expires, xx=only_if_kept), *NO_REDIS)


async def _answered(asked: Awaitable[_Answer], *errors: type[Exception]) -> _Answer:
    """Waits for what a store is asked; errors of one that does not answer become a SessionError that customers see."""
    try:
        return await asked
    except errors as error:
        raise SessionError(503, "failed", retry_after=RETRY_SECONDS) from error


SessionStore = MemorySessions | RedisSessions  # KeptSessions is a MemorySessions
SessionLock = NoLock | RedisLock  # ProcessLock is a NoLock


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


def _row(session: Session) -> dict[str, Any]:
    return {"conversation": session.conversation, "expires": session.expires, "data": as_json(session)}
