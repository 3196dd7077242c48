"""Limits of what one conversation and one network address may ask of the page, counted by the `limits` library."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, Storage, storage_from_string

from bot.settings import Settings, SettingsError
from bot.stores.sessions import SessionError

logger = logging.getLogger(__name__)

# An expired count is found when it is asked for again; looking for all others only makes room.
_LOOK_SECONDS = 60
# The time that a message takes grows with its length: for each so many characters begun, it counts once more.
_CHARACTERS = 250


class ProcessCounts(MemoryStorage):
    """Counts of this process.

    The library looks through all counts, in a thread, with nearly every one that it takes: three milliseconds of
    processor time where there are 20,000.

    Args:
        longest: seconds after which a count is forgotten, though its limit is for longer.
    """

    def __init__(self, longest: float = math.inf) -> None:
        self._longest = longest
        self._next_look = 0.0
        super().__init__()

    def incr(self, key: str, expiry: int, elastic_expiry: bool = False, amount: int = 1) -> int:
        """Adds to a count, and returns it."""
        return int(super().incr(key, math.ceil(min(expiry, self._longest)), elastic_expiry, amount))

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the library's own
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_SECONDS
            super()._MemoryStorage__schedule_expiry()  # type: ignore[misc]  # private


class Limits:
    """Counts requests and refuses those beyond the limits.

    Args:
        settings: the limits, and where counts are kept.

    Raises:
        SettingsError: a limit or the storage cannot be read; the message names it and what is expected.
    """

    def __init__(self, settings: Settings) -> None:
        self._rules = {
            "message": _parsed("BOT_LIMIT_MESSAGES_PER_CONVERSATION", settings.limit_messages_per_conversation),
            "request": _parsed("BOT_LIMIT_REQUESTS_PER_ADDRESS", settings.limit_requests_per_address),
            "session": _parsed("BOT_LIMIT_SESSIONS_PER_ADDRESS", settings.limit_sessions_per_address),
        }
        shared = settings.redis_url.get_secret_value() if settings.redis_url else "memory://"
        address = settings.limits_storage or shared
        try:
            # A customer must not notice that another server is gone.
            timeouts = {} if address.startswith("memory:") else {"socket_timeout": 1, "socket_connect_timeout": 1}
            storage = storage_from_string(address, **timeouts)
        except Exception as error:  # each storage has its own ways to fail
            raise SettingsError(
                f"BOT_LIMITS_STORAGE: `{settings.limits_storage or 'BOT_REDIS_URL'}` cannot be used ({error}); "
                "expected `memory://` or an address such as `redis://localhost:6379/0`."
            ) from error
        self._shared = None if isinstance(storage, MemoryStorage) else storage
        # Nobody writes in a conversation whose token has expired, so its counts need not last for a day.
        of_addresses, of_conversations = ProcessCounts(), ProcessCounts(settings.token_lifetime_seconds)
        self._own = {"message": of_conversations, "request": of_addresses, "session": of_addresses}

    async def message(self, conversation: str, address: str, characters: int = 0) -> None:
        """Counts a message of a conversation, and what it costs beyond a request of its network address.

        Args:
            conversation: its id.
            address: where the message came from; it was counted as a request already.
            characters: the message's length, 0 for a button.

        Raises:
            SessionError: 429, too many.
        """
        cost = max(1, math.ceil(characters / _CHARACTERS))
        await self._count("message", conversation, cost)
        if cost > 1:
            await self._count("request", address, cost - 1)

    async def request(self, address: str) -> None:
        """Counts a request from a network address.

        Raises:
            SessionError: 429, too many.
        """
        await self._count("request", address)

    async def session(self, address: str) -> None:
        """Counts a conversation begun from a network address.

        Raises:
            SessionError: 429, too many.
        """
        await self._count("session", address)

    async def _count(self, kind: str, who: str, cost: int = 1) -> None:
        for rule in self._rules[kind]:
            wait = await self._wait_seconds(rule, kind, who, min(cost, rule.amount))  # nothing is too long for ever
            if wait is not None:
                raise SessionError(429, "too_many", retry_after=wait, seconds=str(wait))

    async def _wait_seconds(self, rule: RateLimitItem, kind: str, who: str, cost: int) -> int | None:
        """Counts in the shared storage, or here where it does not answer; returns as `_hit_or_wait` does."""
        if self._shared is not None:
            try:
                return await asyncio.to_thread(_hit_or_wait, self._shared, rule, kind, who, cost)
            except Exception as error:  # the storage is another server: without it, each process counts for itself
                # One line: it comes with every request until the storage is back.
                logger.warning("The storage of the limits does not answer (%s); this process counts by itself.", error)
        return _hit_or_wait(self._own[kind], rule, kind, who, cost)


def _hit_or_wait(counts: Storage, rule: RateLimitItem, kind: str, who: str, cost: int) -> int | None:
    """Counts; returns None if there is room, otherwise the seconds until there is."""
    # Fixed windows: one counter for each caller. The moving window keeps, and searches, an entry for each request.
    key = rule.key_for(kind, who)
    if counts.incr(key, rule.get_expiry(), amount=cost) <= rule.amount:
        return None
    return max(1, math.ceil(counts.get_expiry(key) - time.time()))


def _parsed(name: str, notation: str) -> list[RateLimitItem]:
    try:
        return list(parse_many(notation))
    except ValueError as error:
        raise SettingsError(f"{name}: `{notation}` is not a limit; expected for example `20 per minute`.") from error
