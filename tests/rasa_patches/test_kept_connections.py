"""Calls of an action server share a connection, and go on where the server was started anew."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.rasa_patches import kept_connections
from tests.conftest import free_port


async def _serve(port: int, connections: set[object]) -> web.AppRunner:
    async def answer(request: web.Request) -> web.Response:
        connections.add(request.transport)
        known = request.headers.get("Authorization") == "Basic Ym90Om9wZW4="
        return web.json_response(await request.json(), status=200 if known else 401)

    app = web.Application()
    app.router.add_post("/webhook", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    return runner


async def _call_over_a_restart(port: int) -> tuple[list[object], int, int]:
    first: set[object] = set()
    second: set[object] = set()
    endpoint = EndpointConfig(f"http://127.0.0.1:{port}/webhook", basic_auth={"username": "bot", "password": "open"})
    server = await _serve(port, first)
    answers = [await endpoint.request(json={"call": number}) for number in range(5)]
    await server.cleanup()
    server = await _serve(port, second)
    answers += [await endpoint.request(json={"call": number}) for number in range(5, 8)]
    with pytest.raises(ClientResponseError):
        await EndpointConfig(endpoint.url).request(json={})
    await server.cleanup()
    return answers, len(first), len(second)


def test_calls_share_a_connection_and_survive_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EndpointConfig, "session", EndpointConfig.session)
    kept_connections.install()
    answers, first, second = asyncio.run(_call_over_a_restart(free_port()))
    assert answers == [{"call": number} for number in range(8)]
    assert (first, second) == (1, 1)
