"""Rasa's lock store, named in endpoints.yml: in this process, or in Redis where several servers share it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, InMemoryLockStore, LockError
from rasa.utils.endpoints import EndpointConfig

from bot.settings import get_settings
from bot.stores.shared_redis import LOCK_RETRY_SECONDS, NO_REDIS, open_redis, take_lock


class ConversationLocks(InMemoryLockStore):
    """Lets one message of a conversation in at a time.

    Rasa's own Redis store reads, changes and writes a lock in three steps, so that two servers may both get in; this
    one takes it in one (`SET NX` with a token, released by its owner only: Redis's documented pattern). It is renewed,
    so that the lock of a server that has died lapses within seconds and not within Rasa's minute.

    Args:
        endpoint_config: not used; Rasa gives it.
    """

    def __init__(self, endpoint_config: EndpointConfig | None = None) -> None:
        super().__init__()
        url = get_settings().redis_url
        self._redis = open_redis(url.get_secret_value()) if url else None

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = 1
    ) -> AsyncGenerator[TicketLock, None]:
        """Waits until the conversation is free and holds it.

        Raises:
            LockError: it did not become free in time, or Redis does not answer.
        """
        if self._redis is None:
            # Rasa looks again after a second.
            async with super().lock(conversation_id, lock_lifetime, LOCK_RETRY_SECONDS) as ticket:
                yield ticket
            return
        try:
            lock = await take_lock(self._redis, f"bot:lock:{conversation_id}", lock_lifetime)
        except NO_REDIS as error:
            raise LockError(f"the lock of a conversation cannot be taken: Redis does not answer ({error}).") from error
        if lock is None:
            raise LockError(f"the conversation was held by another message for {lock_lifetime} s.")
        try:
            yield TicketLock(conversation_id)
        finally:
            await lock.release()
