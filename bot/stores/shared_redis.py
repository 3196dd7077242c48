"""Opens Redis, and takes locks in it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import LockError, RedisError

_REDIS_SECONDS = 2
# After so long another server takes over from one that has died; one that lives renews its lock before.
LOCK_SECONDS = 9.0
NO_REDIS = (RedisError, RuntimeError)
"""Exceptions of a Redis that does not answer; the last is uvloop's, for a connection that has just been closed."""
# A conversation is mostly locked for tens of milliseconds.
LOCK_RETRY_SECONDS = 0.02


def open_redis(url: str) -> Redis[str]:
    """Returns a client; nothing is connected to yet.

    Args:
        url: `redis://user:password@host:6379/0`, `rediss://` with TLS or `unix://`.

    Raises:
        ValueError: the address cannot be understood.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        # Once more on a new connection: those from before a restart of Redis are dead.
        retry=Retry(ConstantBackoff(0), 1),
        retry_on_error=[NoConnection],
    )


class RedisLock:
    """A lock that this process has taken in Redis, and renews for as long as it lives.

    Args:
        lock: the lock, acquired.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._released = False
        self._renewing = asyncio.create_task(self._renew())

    async def release(self) -> None:
        """Releases the lock; where Redis does not answer, it lapses."""
        self._released = True  # a cancellation that comes while Redis is being asked may be taken for a timeout
        self._renewing.cancel()
        with suppress(LockError, *NO_REDIS):
            await self._lock.release()

    async def lost(self) -> bool:
        """Tells whether somebody else may have it: it has lapsed while this process was stopped, or Redis away."""
        with suppress(*NO_REDIS):
            return not await self._lock.owned()
        return False

    async def _renew(self) -> None:
        while not self._released:
            await asyncio.sleep(LOCK_SECONDS / 3)
            with suppress(LockError, *NO_REDIS):  # lost where Redis was away: tried again, and the turn goes on
                await self._lock.reacquire()


async def take_lock(redis: Redis[str], name: str, wait_seconds: float) -> RedisLock | None:
    """Waits until nobody has a lock and takes it; returns None where that takes too long.

    Args:
        redis: where it is.
        name: of the lock.
        wait_seconds: how long is waited.

    Raises:
        RedisError, RuntimeError: Redis does not answer.
    """
    lock = redis.lock(name, timeout=LOCK_SECONDS, sleep=LOCK_RETRY_SECONDS, thread_local=False)
    return RedisLock(lock) if await lock.acquire(blocking_timeout=wait_seconds) else None
