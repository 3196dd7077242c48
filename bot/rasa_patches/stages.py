"""Wraps Rasa's methods: measures understanding, actions and whole messages, and tells logs the conversation's id."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor

from bot.metrics import LATENCY

Answer = TypeVar("Answer")

conversation: ContextVar[str | None] = ContextVar("conversation", default=None)
"""The conversation that is being served; its id opens nothing without the signed token."""


def timed(stage: str, method: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Returns a method that also measures how long it takes."""

    @functools.wraps(method)
    async def measured(*arguments: Any, **named: Any) -> Answer:
        with LATENCY.labels(stage).time():
            return await method(*arguments, **named)

    return measured


def install() -> None:
    """Makes Rasa measure its stages, and name the conversation in its logs."""
    handle_message = timed("rasa", Agent.handle_message)

    async def handled(self: Agent, message: UserMessage) -> Any:
        conversation.set(message.sender_id)
        return await handle_message(self, message)

    Agent.handle_message = handled
    MessageProcessor.parse_message = timed("understanding", MessageProcessor.parse_message)
    RemoteAction.run = timed("action", RemoteAction.run)
