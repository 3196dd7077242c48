"""Stores for the support page's conversations, in this process or in Redis, and the choice of one by the settings.

The third choice, a database, is in `kept_sessions`.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.settings import Settings
from bot.stores.sessions import Session, SessionError, as_json, from_json, key
from bot.stores.shared_redis import NO_REDIS, RedisLock, open_redis, take_lock

_SWEEP_SECONDS = 60
# Where the server is full, a conversation that has rested for so long makes room for a new one.
_RESTING_SECONDS = 900
# Sanic gives up on a handler that is silent for a minute.
LOCK_WAIT_SECONDS = 40
RETRY_SECONDS = 2


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
        """Notes that a conversation is being used; its content is here already."""
        if session.conversation in self._sessions:
            session.seen = time.time()
            self._sessions.move_to_end(session.conversation)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        self._sessions.pop(conversation, None)
        self.restored.discard(conversation)

    async def tend(self) -> None:
        """Forgets conversations that have expired, every minute for as long as it is not cancelled."""
        while True:
            now = time.time()
            for name in [name for name, session in self._sessions.items() if session.expires <= now]:
                await self.remove(name)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def lock(self, conversation: str) -> NoLock:
        """Returns at once: there is no other server."""
        return NoLock()


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
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires))

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        async with _answering():
            kept = await self._redis.get(key(conversation))
        return from_json(kept) if kept else None

    async def save(self, session: Session, soon: bool = False) -> None:
        """Keeps what has changed in a conversation at once, unless it has been removed meanwhile."""
        session.seen = time.time()
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires), xx=True)

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
            lock = await take_lock(self._redis, f"bot:turn:{conversation}", LOCK_WAIT_SECONDS)
        if lock is None:
            raise SessionError(429, "busy", retry_after=RETRY_SECONDS)
        return lock


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
        from bot.stores.kept_sessions import KeptSessions

        return KeptSessions(settings.sessions_at_once, settings.tracker_database.get_secret_value())
    return MemorySessions(settings.sessions_at_once)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turns a Redis that does not answer into a refusal that the customer sees."""
    try:
        yield
    except NO_REDIS as error:
        raise SessionError(503, "failed", retry_after=RETRY_SECONDS) from error
