"""Opens databases: SQLite and PostgreSQL through SQLAlchemy, SQLite files through `sqlite3`, Redis and locks in it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import LockError, RedisError
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import QueuePool

from bot.private_files import prepare_sqlite_file

# A customer waits for an answer: a database that swallows connections must become an apology before they give up.
_CONNECT_SECONDS = 5
_REDIS_SECONDS = 2
# After so long another server takes over from one that has died; one that lives renews its lock before.
LOCK_SECONDS = 9.0
# A conversation is mostly locked for tens of milliseconds.
LOCK_RETRY_SECONDS = 0.02


def open_database(
    url: str, wait_seconds: int, pool_size: int = 2, max_overflow: int = 3, synchronous: str = "NORMAL"
) -> Engine:
    """Opens an SQLite or PostgreSQL database; nothing is connected to yet.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/tickets.db` or `postgresql://user:password@host/name`.
        wait_seconds: how long a connection of the pool, and SQLite's lock, are waited for.
        pool_size: connections to PostgreSQL that are kept; it has 100 by default, for all processes together.
        max_overflow: connections to PostgreSQL beyond these that are opened for a moment.
        synchronous: SQLite's pragma; `FULL` keeps every commit over a power cut.

    Raises:
        SQLAlchemyError: the address cannot be understood.
        OSError: an SQLite file cannot be made.
        ImportError: there is no driver for the address.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            parsed,
            future=True,
            pool_pre_ping=True,  # a connection that PostgreSQL has dropped is noticed before it is used
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=wait_seconds,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
        )
    prepare_sqlite_file(parsed)
    engine = create_engine(
        parsed,
        future=True,
        # SQLite lets writers in by chance, so that one of many may wait in vain. One connection for all threads of
        # a process lets them in by turns; only processes compete.
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=wait_seconds,
        connect_args={"timeout": wait_seconds, "check_same_thread": False},
    )

    def prepare(connection: Any, record: Any) -> None:
        write_ahead(connection, wait_seconds)
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    event.listen(engine, "connect", prepare)
    return engine


def open_sqlite(path: Path, wait_seconds: int) -> sqlite3.Connection:
    """Connects to an SQLite file without SQLAlchemy; transactions begin where the caller says `BEGIN`.

    Args:
        path: the file; it is made where it is missing.
        wait_seconds: how long a lock of another process is waited for.
    """
    connection = sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def write_ahead(connection: Any, wait_seconds: float) -> None:
    """Turns SQLite's write-ahead log on: of those that do so with a new file at once, it refuses all but one.

    Args:
        connection: as its driver has it.
        wait_seconds: how long it is tried again.

    Raises:
        sqlite3.OperationalError: it is refused for so long, or for another reason.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # SQLite's own timeout does not hold for this statement


def open_redis(url: str) -> Redis[str]:
    """Returns a client; nothing is connected to yet.

    Args:
        url: `redis://user:password@host:6379/0`, `rediss://` with TLS or `unix://`.

    Raises:
        ValueError: the address cannot be understood.
    """
    client: Redis[str] = Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        # Once more on a new connection: those from before a restart of Redis are dead.
        retry=Retry(ConstantBackoff(0), 1),
        retry_on_error=[NoConnection],
    )
    return client


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
        with suppress(LockError, RedisError):
            await self._lock.release()

    async def _renew(self) -> None:
        while not self._released:
            await asyncio.sleep(LOCK_SECONDS / 3)
            with suppress(LockError, RedisError):  # lost where Redis was away: tried again, and the turn goes on
                await self._lock.reacquire()


async def take_lock(redis: Redis[str], name: str, wait_seconds: float) -> RedisLock | None:
    """Waits until nobody has a lock and takes it; returns None where that takes too long.

    Args:
        redis: where it is.
        name: of the lock.
        wait_seconds: how long is waited.

    Raises:
        RedisError: Redis does not answer.
    """
    lock = redis.lock(name, timeout=LOCK_SECONDS, sleep=LOCK_RETRY_SECONDS, thread_local=False)
    return RedisLock(lock) if await lock.acquire(blocking_timeout=wait_seconds) else None
