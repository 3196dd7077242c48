"""Keeps the page's conversations in Redis, for several servers: any of them goes on where another one stopped."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from bot.channel.errors import RefusedError
from bot.channel.offers import Offer, Offers
from bot.channel.sessions import Session
from bot.shared_redis import open_redis

# Retries concern the newest answers, and each structured answer is 10 kB.
_KEPT_ANSWERS = 10
# After so long another server takes over from one that has died; one that lives renews its right before.
_HELD_SECONDS = 9
# Sanic gives up on a handler that is silent for a minute.
_WAIT_SECONDS = 40
_LOOK_AGAIN_SECONDS = 0.02
_RETRY_SECONDS = 2


class RedisSessions:
    """Keeps conversations in Redis until their tokens expire.

    Args:
        url: address of Redis.
    """

    def __init__(self, url: str) -> None:
        self._redis = open_redis(url)

    async def add(self, session: Session) -> None:
        """Keeps a new conversation.

        Raises:
            RefusedError: 503, Redis does not answer or is full.
        """
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires))

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired.

        Raises:
            RefusedError: 503, Redis does not answer.
        """
        async with _answering():
            kept = await self._redis.get(key(conversation))
        return from_json(kept) if kept else None

    async def save(self, session: Session) -> None:
        """Keeps what has changed in a conversation, unless it has been removed meanwhile.

        Raises:
            RefusedError: 503, Redis does not answer or is full.
        """
        session.seen = time.time()
        async with _answering():
            await self._redis.set(key(session.conversation), as_json(session), exat=int(session.expires), xx=True)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation.

        Raises:
            RefusedError: 503, Redis does not answer.
        """
        async with _answering():
            await self._redis.delete(key(conversation))

    async def hold(self, conversation: str) -> RedisHold:
        """Waits until no other message of the conversation is being answered, by whatever server.

        Raises:
            RefusedError: 429, that takes too long; 503, Redis does not answer.
        """
        lock = self._redis.lock(
            f"bot:turn:{conversation}", timeout=_HELD_SECONDS, sleep=_LOOK_AGAIN_SECONDS, thread_local=False
        )
        async with _answering():
            if not await lock.acquire(blocking_timeout=_WAIT_SECONDS):
                raise RefusedError(429, "busy", retry_after=_RETRY_SECONDS)
        return RedisHold(lock)


class RedisHold:
    """The right to change a conversation, renewed for as long as this process lives.

    Args:
        lock: what Redis knows of it.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._released = False
        self._renewing = asyncio.create_task(self._renew())

    async def release(self) -> None:
        """Gives it back; where Redis does not answer, it lapses."""
        self._released = True  # a cancellation that comes while Redis is being asked may be taken for a timeout
        self._renewing.cancel()
        with suppress(LockError, RedisError):
            await self._lock.release()

    async def _renew(self) -> None:
        while not self._released:
            await asyncio.sleep(_HELD_SECONDS / 3)
            with suppress(LockError, RedisError):  # lost where Redis was away: tried again, and the turn goes on
                await self._lock.reacquire()


def key(conversation: str) -> str:
    """Returns where Redis keeps a conversation."""
    return f"bot:session:{conversation}"


def as_json(session: Session) -> str:
    """Returns a conversation as JSON."""
    answers = list(session.answers.items())[-_KEPT_ANSWERS:]
    offers = {"turn": session.offers.turn, "open": [vars(offer) for offer in session.offers.open.values()]}
    return json.dumps({**vars(session), "answers": answers, "offers": offers})


def from_json(kept: str) -> Session:
    """Returns a conversation from its JSON."""
    values: dict[str, Any] = json.loads(kept)
    offered = values.pop("offers")
    offers = Offers({offer["id"]: Offer(**offer) for offer in offered["open"]}, offered["turn"])
    return Session(**{**values, "offers": offers, "answers": OrderedDict(values["answers"])})


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turns a Redis that does not answer into a refusal that the customer sees."""
    try:
        yield
    except RedisError as error:
        raise RefusedError(503, "failed", retry_after=_RETRY_SECONDS) from error
