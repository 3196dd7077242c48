"""Adds health checks and bounds of requests to Rasa's server; if set, also metrics, JSON logs and the model switch.

It is a channel, named in credentials.yml, as Rasa lets only channels add addresses; it takes no messages.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, raw
from sanic.response import json as json_response

from bot import metrics
from bot.rasa_patches import action_endpoint
from bot.serving import http_bounds, logs
from bot.serving.blueprint import AppBlueprint
from bot.serving.model_switch import ModelSwitch
from bot.settings import Settings, get_settings
from bot.stores.broker import ConversationEvents
from bot.stores.shared_redis import open_redis
from bot.stores.tracker_store import ConversationStore
from bot.tickets import ticket_store
from bot.tickets.model import TicketStoreError

_ANSWER_SECONDS = 2
# A server without its broker answers, and events wait.
_NOT_NEEDED = frozenset({"event_broker"})


class OperationsChannel(InputChannel):
    """Takes no messages: a channel is how Rasa lets others add addresses to its server.

    Args:
        settings: the token of the metrics, the format of logs.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the channel's name."""
        return "operations"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> OperationsChannel:
        """Creates the channel; everything that can be set is in the environment, see docs/operations.md."""
        return cls(get_settings())

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if settings.log_format == "json":
            logs.write_json()

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Returns what adds the addresses to Rasa's server."""
        return AppBlueprint("operations", self._prepare_app)

    def _prepare_app(self, app: Sanic) -> None:
        """Adds routes, outside of the channel's own prefix, and the bounds of all routes."""
        http_bounds.install(app, self._settings)
        routes = {"/health/live": self._live, "/health/ready": self._ready}
        if self._settings.metrics_token:
            routes["/metrics"] = self._metrics
        for path, handler in routes.items():
            # Sanic marks its handlers, which it cannot do to a method.
            app.add_route(partial(handler), path, methods=("GET",), name=path.strip("/").replace("/", "_"))
        app.register_listener(_get_ready, "after_server_start")
        if self._settings.models_follow == "on":
            ModelSwitch(self._settings.models_dir).prepare_app(app)

    async def _live(self, request: Request) -> HTTPResponse:
        return json_response({"status": "live"})

    async def _ready(self, request: Request) -> HTTPResponse:
        parts = await _parts(request.app, self._settings)
        missing = [name for name, answers in parts.items() if not answers and name not in _NOT_NEEDED]
        model = request.app.ctx.agent.model_name if parts["model"] else None
        content = {"status": "not ready" if missing else "ready", "missing": missing, "parts": parts, "model": model}
        return json_response(content, status=503 if missing else 200, headers={"Cache-Control": "no-store"})

    async def _metrics(self, request: Request) -> HTTPResponse:
        assert self._settings.metrics_token is not None
        token = f"Bearer {self._settings.metrics_token.get_secret_value()}"
        if not hmac.compare_digest(str(request.headers.get("authorization", "")).encode(), token.encode()):
            return json_response({"error": "token"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        for name, answers in (await _parts(request.app, self._settings)).items():
            metrics.READY.labels(name).set(int(answers))
        await asyncio.to_thread(_read_outbox)
        broker = request.app.ctx.agent.tracker_store.event_broker if request.app.ctx.agent.is_ready() else None
        if isinstance(broker, ConversationEvents):
            metrics.EVENTS_WAITING.set(broker.waiting)
            metrics.EVENTS_DROPPED.set(broker.dropped)
        return raw(generate_latest(metrics.REGISTRY), content_type=CONTENT_TYPE_LATEST)


async def _get_ready(app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
    endpoint = app.ctx.agent.action_endpoint
    if endpoint is not None:
        await action_endpoint.load(endpoint)


def _read_outbox() -> None:
    try:
        depth = ticket_store().outbox_depth()
    except TicketStoreError:
        return  # `bot_part_ready` says so
    metrics.OUTBOX.clear()
    for target, state, number in depth:
        metrics.OUTBOX.labels(target, state).set(number)


async def _parts(app: Sanic, settings: Settings) -> dict[str, bool]:
    """Returns each part that the settings name, and whether it answers: all at once, each within two seconds."""
    agent: Agent | None = getattr(app.ctx, "agent", None)
    found = {"model": agent is not None and agent.is_ready()}
    checks: dict[str, Awaitable[object]] = {"tickets": asyncio.to_thread(lambda: ticket_store().check())}
    if agent is not None and found["model"]:
        store, endpoint = agent.tracker_store, agent.action_endpoint
        if isinstance(store, ConversationStore):
            checks["conversations"] = asyncio.to_thread(store.check)
        url = action_endpoint.server_url(endpoint) if endpoint is not None else None
        if url is not None:
            checks["action_server"] = _get(f"{url.removesuffix('/webhook')}/health")
        if isinstance(store.event_broker, ConversationEvents):
            found["event_broker"] = store.event_broker.is_ready()
    if settings.redis_url is not None:
        checks["redis"] = _ping(settings.redis_url.get_secret_value())
    limited = (asyncio.wait_for(check, _ANSWER_SECONDS) for check in checks.values())
    answers = await asyncio.gather(*limited, return_exceptions=True)  # each part has its own ways to fail
    failed = (isinstance(answer, BaseException) for answer in answers)
    return {**found, **{name: not fails for name, fails in zip(checks, failed, strict=True)}}


async def _get(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        response.raise_for_status()


async def _ping(url: str) -> None:
    async with open_redis(url) as redis:
        await redis.ping()
