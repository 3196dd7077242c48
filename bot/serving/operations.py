"""Adds health checks and bounds of requests to Rasa's server; if set, also metrics, JSON logs and the model switch.

It is a channel, named in credentials.yml, as Rasa lets only channels add addresses; it takes no messages.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, raw
from sanic.response import json as json_response

from bot import metrics
from bot.rasa_patches import action_endpoint
from bot.serving import health, http_bounds, logs
from bot.serving.blueprint import AppBlueprint
from bot.serving.model_switch import ModelSwitch
from bot.settings import Settings, get_settings
from bot.stores.broker import ConversationEvents
from bot.tickets import ticket_store
from bot.tickets.model import TicketStoreError


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
        parts = await self._parts(request)
        missing = [name for name, answers in parts.items() if not answers and name not in health.NOT_NEEDED]
        model = request.app.ctx.agent.model_name if parts["model"] else None
        content = {"status": "not ready" if missing else "ready", "missing": missing, "parts": parts, "model": model}
        return json_response(content, status=503 if missing else 200, headers={"Cache-Control": "no-store"})

    async def _metrics(self, request: Request) -> HTTPResponse:
        assert self._settings.metrics_token is not None
        token = f"Bearer {self._settings.metrics_token.get_secret_value()}"
        if not hmac.compare_digest(str(request.headers.get("authorization", "")).encode(), token.encode()):
            return json_response({"error": "token"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        for name, answers in (await self._parts(request)).items():
            metrics.READY.labels(name).set(int(answers))
        await asyncio.to_thread(_read_outbox)
        broker = request.app.ctx.agent.tracker_store.event_broker if request.app.ctx.agent.is_ready() else None
        if isinstance(broker, ConversationEvents):
            metrics.EVENTS_WAITING.set(broker.waiting)
            metrics.EVENTS_DROPPED.set(broker.dropped)
        return raw(generate_latest(metrics.REGISTRY), content_type=CONTENT_TYPE_LATEST)

    async def _parts(self, request: Request) -> dict[str, bool]:
        return await health.parts(getattr(request.app.ctx, "agent", None), self._settings)


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
