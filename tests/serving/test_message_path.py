"""What stands in for slower parts of Rasa between a message and its answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.utils.endpoints import EndpointConfig

from bot.serving import graph_runner, keep_alive
from bot.serving.graph_runner import OrderedGraphRunner


@pytest.fixture(scope="module")
def agent(trained_model: Path) -> Agent:
    """The trained model, loaded as Rasa does."""
    return Agent.load(str(trained_model))


@pytest.mark.parametrize("text", ["kortet mitt ble avvist", "/greet", "invoice for March? and how do I cancel"])
def test_the_graph_says_the_same_in_order_as_with_dask(agent: Agent, text: str) -> None:
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    inputs = {PLACEHOLDER_MESSAGE: [UserMessage(text)], PLACEHOLDER_TRACKER: None}
    targets = [agent.processor.model_metadata.nlu_target]
    ours = OrderedGraphRunner.run(runner, inputs, targets)
    assert list(ours) == targets
    theirs = DaskGraphRunner.run(runner, inputs, targets)
    assert ours[targets[0]][0].as_dict(True) == theirs[targets[0]][0].as_dict(True)


def test_an_input_that_is_named_like_a_node_is_refused(agent: Agent) -> None:
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    node = agent.processor.model_metadata.nlu_target
    with pytest.raises(GraphRunError, match="clashes"):
        OrderedGraphRunner.run(runner, {node: 1}, [node])


def test_agents_run_their_models_in_order() -> None:
    from rasa.core import processor

    graph_runner.install()
    assert processor.DaskGraphRunner is OrderedGraphRunner


def test_actions_share_a_connection_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EndpointConfig, "session", EndpointConfig.session)  # as it was, afterwards
    seen: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        seen.append(request.transport.get_extra_info("peername"))
        return web.json_response(await request.json())

    async def talk() -> list[Any]:
        app = web.Application()
        app.router.add_post("/webhook", answer)
        server = web.AppRunner(app)
        await server.setup()
        site = web.TCPSite(server, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        keep_alive.install()
        endpoint = EndpointConfig(f"http://127.0.0.1:{port}/webhook", headers={"X-From": "bot"})
        answers = [await endpoint.request(json={"turn": turn}) for turn in range(3)]
        await keep_alive.close()
        answers.append(await endpoint.request(json={"turn": 3}))  # opens a new one
        await keep_alive.close()
        await server.cleanup()
        return answers

    assert asyncio.run(talk()) == [{"turn": turn} for turn in range(4)]
    assert len(set(seen[:3])) == 1
    assert seen[3] != seen[0]
