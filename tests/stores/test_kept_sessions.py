"""The page's conversations in a database: they outlive the server that has kept them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bot.stores.session_stores import KeptSessions
from bot.stores.sessions import Session
from tests.support.servers import PostgresServer, wait_until


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'conversations.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


def session(name: str, seconds: float = 60) -> Session:
    return Session(name, "nb", "nb", None, expires=time.time() + seconds, seen=time.time())


async def messages(url: str) -> list[str]:
    """Returns what a server that starts now finds of the conversation."""
    found = await KeptSessions(10, url).get("a")
    assert found is not None
    return [said["text"] for said in found.messages]


def test_a_conversation_outlives_its_server_and_ends_for_good(url: str) -> None:
    async def scenario() -> None:
        first = KeptSessions(10, url)
        kept = session("a")
        await first.add(kept)
        kept.remember({"from": "customer", "id": "m", "text": "hei"})
        kept.remember_answer("m", [{"type": "text", "text": "svar"}])
        offers = kept.offers.add("m", [{"title": "Ja", "payload": "/affirm"}])
        await first.save(kept)
        second = KeptSessions(10, url)
        found = await second.get("a")
        assert found is not None
        assert found is await second.get("a")
        assert (found.messages, found.answers["m"][0]["text"]) == (kept.messages, "svar")
        assert found.offers.find(offers[0].id).intent == "affirm"
        await second.remove("a")
        await first.save(kept)
        assert await KeptSessions(10, url).get("a") is None

    asyncio.run(scenario())


def test_an_articles_answer_is_kept_as_json_and_shown_whole(url: str) -> None:
    card = {"type": "answer", "intent": "pay_invoice", "language": "nb", "variants": [{"now": "Åpne **Fakturaer**."}]}

    async def scenario() -> None:
        kept = session("a")
        kept.remember({"from": "bot", **card}, at=0.0)
        kept.remember_answer("m", [card])
        assert "variants" not in {**kept.messages[0], **kept.answers["m"][0]}
        await KeptSessions(10, url).add(kept)
        found = await KeptSessions(10, url).get("a")
        assert found is not None
        for one in (kept, found):
            assert one.answer("m") == [card]
            assert one.answer("n") is None
            assert [one.shown(said) for said in one.messages] == [
                {"from": "bot", **card, "time": "1970-01-01T00:00:00.000+00:00"}
            ]

    asyncio.run(scenario())


def test_what_is_written_later_comes_after_nothing_newer(url: str) -> None:
    async def scenario() -> None:
        first = KeptSessions(10, url)
        kept = session("a")
        await first.add(kept)
        tending = asyncio.create_task(first.tend())
        kept.remember({"from": "customer", "id": "m", "text": "hei"})
        await first.save(kept, soon=True)
        await asyncio.to_thread(wait_until, lambda: asyncio.run(messages(url)) == ["hei"], "it to be written", 30)
        kept.remember({"from": "bot", "type": "text", "text": "svar"})
        await first.save(kept, soon=True)
        kept.remember({"from": "customer", "id": "n", "text": "takk"})
        await first.save(kept)
        assert await messages(url) == ["hei", "svar", "takk"]
        tending.cancel()

    asyncio.run(scenario())


def test_a_conversation_that_has_expired_is_forgotten(url: str) -> None:
    async def scenario() -> None:
        await KeptSessions(10, url).add(session("a", seconds=-1))
        assert await KeptSessions(10, url).get("a") is None

    asyncio.run(scenario())


def test_requests_of_a_conversation_are_let_in_one_after_the_other(url: str) -> None:
    async def scenario() -> None:
        store = KeptSessions(10, url)
        inside: list[int] = []

        async def request(number: int) -> None:
            lock = await store.lock("a")
            inside.append(number)
            assert len(inside) == 1
            await asyncio.sleep(0)
            inside.remove(number)
            await lock.release()

        await asyncio.gather(*map(request, range(5)))
        other = await store.lock("a")
        assert await store.lock("b")
        await other.release()

    asyncio.run(scenario())
