"""Opens the Redis that several servers share."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NoConnection

# What swallows connections must become an apology before the customer gives up.
_ANSWER_SECONDS = 2


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
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        # Once more on a new connection: those from before a restart of Redis are dead.
        retry=Retry(ConstantBackoff(0), 1),
        retry_on_error=[NoConnection],
    )
    return client
