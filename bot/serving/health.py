"""What a server needs to answer: its model, its stores, the action server; asked all at once, each for two seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from rasa.core.agent import Agent

from bot.rasa_patches.action_endpoint import server_url
from bot.serving.event_broker import ConversationEvents
from bot.serving.tracker_store import ConversationStore
from bot.settings import Settings
from bot.shared_redis import open_redis
from bot.tickets import ticket_store

_ANSWER_SECONDS = 2
# A server without its broker answers, and events wait.
NOT_NEEDED = frozenset({"event_broker"})


class NotReadyError(RuntimeError):
    """A part does not answer."""


async def parts(agent: Agent | None, settings: Settings) -> dict[str, bool]:
    """Returns each part that the settings name, and whether it answers."""
    checks: dict[str, Callable[[], Awaitable[None]]] = {
        "tickets": lambda: asyncio.to_thread(lambda: ticket_store().check())
    }
    ready = agent is not None and agent.is_ready()
    if agent is not None and ready:
        store, endpoint = agent.tracker_store, agent.action_endpoint
        if isinstance(store, ConversationStore):
            checks["conversations"] = lambda: asyncio.to_thread(store.check)
        url = server_url(endpoint) if endpoint is not None else None
        if url is not None:
            actions = f"{url.removesuffix('/webhook')}/health"
            checks["action_server"] = lambda: _answers(actions)
        if isinstance(store.event_broker, ConversationEvents):
            broker = store.event_broker
            checks["event_broker"] = lambda: _connected(broker)
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        checks["redis"] = lambda: _pings(url)
    answers = await asyncio.gather(*[_within_time(check) for check in checks.values()])
    return {"model": ready, **dict(zip(checks, answers, strict=True))}


async def _within_time(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await asyncio.wait_for(check(), _ANSWER_SECONDS)
    except Exception:  # each part has its own ways to fail
        return False
    return True


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()


async def _pings(url: str) -> None:
    async with open_redis(url) as redis:
        await redis.ping()


async def _connected(broker: ConversationEvents) -> None:
    if not broker.is_ready():
        raise NotReadyError("event broker")
