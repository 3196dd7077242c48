"""Checks the model, the stores and the action server of a server: all at once, each for two seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import aiohttp
from rasa.core.agent import Agent

from bot.rasa_patches.action_endpoint import server_url
from bot.settings import Settings
from bot.stores.broker import ConversationEvents
from bot.stores.shared_redis import open_redis
from bot.stores.tracker_store import ConversationStore
from bot.tickets import ticket_store

_ANSWER_SECONDS = 2
# A server without its broker answers, and events wait.
NOT_NEEDED = frozenset({"event_broker"})


async def parts(agent: Agent | None, settings: Settings) -> dict[str, bool]:
    """Returns each part that the settings name, and whether it answers."""
    found = {"model": agent is not None and agent.is_ready()}
    checks: dict[str, Awaitable[object]] = {"tickets": asyncio.to_thread(lambda: ticket_store().check())}
    if agent is not None and found["model"]:
        store, endpoint = agent.tracker_store, agent.action_endpoint
        if isinstance(store, ConversationStore):
            checks["conversations"] = asyncio.to_thread(store.check)
        url = server_url(endpoint) if endpoint is not None else None
        if url is not None:
            checks["action_server"] = _get(f"{url.removesuffix('/webhook')}/health")
        if isinstance(store.event_broker, ConversationEvents):
            found["event_broker"] = store.event_broker.is_ready()
    if settings.redis_url is not None:
        checks["redis"] = _ping(settings.redis_url.get_secret_value())
    answers = await asyncio.gather(*map(_within_time, checks.values()))
    return {**found, **dict(zip(checks, answers, strict=True))}


async def _within_time(check: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(check, _ANSWER_SECONDS)
    except Exception:  # each part has its own ways to fail
        return False
    return True


async def _get(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()


async def _ping(url: str) -> None:
    async with open_redis(url) as redis:
        await redis.ping()
