"""What a message costs in processor time, measured in a process of its own that has never seen it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.utils.endpoints import read_endpoint_config

from bot.channel.typed_text import safe_text
from bot.rasa_patches import action_endpoint, graph_runner
from bot.settings import PROJECT_ROOT
from bot.stores.tracker_store import ConversationStore


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time of one typed message, over all threads of the process."""

    whole: float
    """From the typed text to the last answer: hiding card numbers, understanding, policies, actions, tracker store."""
    understanding: float
    """`processor.parse_message`, which is also what `/model/parse` does."""
    masking: float
    """Hiding card numbers, before anything else."""


class Bot:
    """A loaded model that is asked in forks of this process: each begins with the same memory, and none is kept.

    A fork costs a message some milliseconds more, because it copies what it changes.

    Args:
        model: the model's file.
    """

    def __init__(self, model: Path) -> None:
        graph_runner.install()
        action_endpoint.install()
        actions = read_endpoint_config(str(PROJECT_ROOT / "endpoints.yml"), "action_endpoint")
        self._agent = Agent.load(str(model), action_endpoint=actions)

    def warm_up(self, texts: Iterable[str]) -> None:
        """Understands some messages, so that what is loaded with the first ones is there."""
        processor = self._agent.processor
        assert processor is not None

        async def understand() -> None:
            for text in texts:
                await processor.parse_message(UserMessage(text))

        asyncio.run(understand())
        safe_text("4111 1111 1111 1111, CVC 123")  # makes the patterns of card numbers and codes
        gc.collect()
        gc.freeze()  # as servers do; and forks then leave most of the memory as it is

    def cost(self, text: str, times: int = 1) -> Cost:
        """Measures a message in forks of their own; the least of so many counts, as the machine disturbs."""
        return min((self._measured(text) for _ in range(times)), key=lambda cost: cost.whole)

    def _measured(self, text: str) -> Cost:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            told: dict[str, Any] = {}
            try:
                told = asyncio.run(self._answer(text))
            except BaseException as error:
                told = {"error": repr(error)}
            finally:
                os.write(writing, json.dumps(told).encode())
                os._exit(0)  # nothing of the parent's is to be closed or written twice
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            told = json.loads(stream.read() or b'{"error": "the process has died"}')
        os.waitpid(child, 0)
        if "error" in told:
            raise RuntimeError(f"The message {text!r} could not be answered: {told['error']}")
        return Cost(**told)

    async def _answer(self, text: str) -> dict[str, float]:
        agent, processor, conversation = self._agent, self._agent.processor, uuid.uuid4().hex
        assert processor is not None and agent.action_endpoint is not None
        # What belongs to threads and connections is not to be shared with the parent.
        action_endpoint.embedded_actions.cache_clear()
        await action_endpoint.load(agent.action_endpoint)
        agent.tracker_store = processor.tracker_store = ConversationStore(agent.domain)
        for greeting in ("hello", "kortet mitt ble avvist"):  # a fork begins with cold memory
            await agent.handle_message(UserMessage(greeting, CollectingOutputChannel(), uuid.uuid4().hex))
        understand, understood = processor.parse_message, 0.0

        async def parse_message(*arguments: Any, **options: Any) -> Any:
            nonlocal understood
            began = time.process_time()
            try:
                return await understand(*arguments, **options)
            finally:
                understood += time.process_time() - began

        processor.parse_message = parse_message
        began = time.process_time()
        seen = safe_text(text).text
        masked = time.process_time()
        if seen:
            await agent.handle_message(UserMessage(seen, CollectingOutputChannel(), conversation))
        whole = time.process_time() - began
        return {"whole": 1000 * whole, "understanding": 1000 * understood, "masking": 1000 * (masked - began)}
