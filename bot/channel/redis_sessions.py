"""Keeps the page's conversations in Redis, for several servers: any of them goes on where another one stopped."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError

from bot.channel.errors import RefusedError
from bot.channel.offers import Offer, Offers
from bot.channel.sessions import Session
from bot.shared_redis import RedisHold, hold, open_redis

# Retries concern the newest answers, and each structured answer is 10 kB.
_KEPT_ANSWERS = 10
# Sanic gives up on a handler that is silent for a minute.
_WAIT_SECONDS = 40
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
        async with _answering():
            held = await hold(self._redis, f"bot:turn:{conversation}", _WAIT_SECONDS)
        if held is None:
            raise RefusedError(429, "busy", retry_after=_RETRY_SECONDS)
        return held


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
