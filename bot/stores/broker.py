"""Rasa's event broker, named in endpoints.yml: RabbitMQ where the settings name one, otherwise none."""

from __future__ import annotations

import asyncio
import logging
from asyncio import AbstractEventLoop
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from rasa.core.brokers.pika import PikaEventBroker
from rasa.utils.endpoints import EndpointConfig

from bot.settings import Settings, get_settings

logger = logging.getLogger(__name__)

# While RabbitMQ is away: an hour's events of a busy server, some 100 MB. The oldest are dropped then, and counted.
_KEPT_EVENTS = 50_000
_TRY_AGAIN_SECONDS = 2


class ConversationEvents(PikaEventBroker):
    """Publishes events to RabbitMQ; without it the bot answers, and events wait.

    Rasa's own broker keeps the server from starting for 100 s where RabbitMQ is down, and then for good.

    Args:
        settings: address and queue.
        loop: the server's event loop.
    """

    def __init__(self, settings: Settings, loop: AbstractEventLoop | None = None) -> None:
        assert settings.broker_url is not None
        self._url = settings.broker_url.get_secret_value()
        # Rasa logs the host; user and password are taken from the address, see `_configure_url`.
        host = urlsplit(self._url).hostname or "localhost"
        super().__init__(host, "", "", queues=[settings.broker_queue], event_loop=loop, connection_attempts=1)
        self._unpublished_events: deque[dict[str, Any]] = deque(maxlen=_KEPT_EVENTS)
        self.dropped = 0
        self._connecting = self._loop.create_task(self._connect_at_last())

    @classmethod
    async def from_endpoint_config(
        cls, broker_config: EndpointConfig | None, event_loop: AbstractEventLoop | None = None
    ) -> ConversationEvents | None:
        """Creates the broker of the settings; None where they name none."""
        settings = get_settings()
        return None if settings.broker_url is None else cls(settings, event_loop)

    @property
    def waiting(self) -> int:
        """Number of events that wait for RabbitMQ."""
        return len(self._unpublished_events)

    def is_ready(self) -> bool:
        """Tells whether RabbitMQ can be published to now."""
        connected = getattr(self._connection, "connected", None)
        return self._exchange is not None and connected is not None and bool(connected.is_set())

    async def close(self) -> None:
        """Closes the connection once what is being published has gone out."""
        self._connecting.cancel()
        if self.is_ready() and self._background_tasks:
            await asyncio.wait(set(self._background_tasks), timeout=_TRY_AGAIN_SECONDS)
        await super().close()

    async def _connect_at_last(self) -> None:
        while True:
            try:
                await self.connect()
                break
            except Exception as error:  # whatever it is, it may pass
                logger.warning("RabbitMQ does not answer (%s); events wait.", type(error).__name__)
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
        self._publish_unpublished_messages()

    def _configure_url(self) -> str:
        """Returns the address that is connected to, in place of Rasa's host, user and password."""
        return self._url

    async def _publish(self, event: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        if self._exchange is not None and self.is_ready():
            try:
                await self._exchange.publish(self._message(event, headers), "")
                return
            except Exception as error:  # it goes out when the connection is back
                logger.warning("an event could not be published (%s); it waits.", type(error).__name__)
        if self.waiting == _KEPT_EVENTS:
            self.dropped += 1
        self._unpublished_events.append(event)
