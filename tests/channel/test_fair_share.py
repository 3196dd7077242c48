"""One sender cannot hold the server: addresses in all spellings, the price of long messages, turns at the same time."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
from rasa.core.channels.channel import UserMessage
from sanic import Sanic
from sanic.compat import Header
from sanic.request import Request

from bot.articles.replies import Replies
from bot.channel.limits import Limits
from bot.channel.output import Turn
from bot.channel.page import PageChannel
from bot.channel.requests import address_of
from bot.channel.turns import Conversations
from bot.settings import Settings
from bot.stores.session_stores import MemorySessions
from bot.stores.sessions import Button, Session, SessionError
from bot.text.links import AllowedLinks
from tests.channel.conftest import PageBot
from tests.conftest import free_port

WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def app() -> Sanic:
    """A server behind one proxy."""
    app = Sanic("fair_share", configure_logging=False)
    app.config.PROXIES_COUNT = 1
    return app


def counted(app: Sanic, peer: str, forwarded: str | None = None) -> str:
    """Returns whom a request counts for.

    Args:
        app: the server.
        peer: the other end of the connection.
        forwarded: what the proxy has written, None where there is no proxy.
    """
    headers = Header([] if forwarded is None else [("x-forwarded-for", forwarded)])
    request = Request(b"/", headers, "1.1", "GET", None, app)  # type: ignore[arg-type]
    request.conn_info = SimpleNamespace(client_ip=peer)  # type: ignore[assignment]
    return address_of(request, behind_proxy=forwarded is not None)


@pytest.mark.parametrize(
    "spelling",
    [
        *("198.51.100.7", "::ffff:198.51.100.7", "::FFFF:c633:6407", "0:0:0:0:0:ffff:c633:6407"),
        *("198.51.100.7:40001", "198.51.100.7:40002", "[::ffff:198.51.100.7]:443", "[::ffff:c633:6407]"),
        *("192.0.2.1, 198.51.100.7:1", "192.0.2.1,[::ffff:198.51.100.7]"),
    ],
)
def test_an_address_counts_as_one_however_it_is_written(app: Sanic, spelling: str) -> None:
    assert counted(app, "10.0.0.1", spelling) == "198.51.100.7"


def test_a_client_over_ipv4_counts_as_such_where_the_server_listens_on_ipv6(app: Sanic) -> None:
    assert counted(app, "::ffff:198.51.100.7") == "198.51.100.7"


@pytest.mark.parametrize(
    "spelling",
    [
        *("2001:db8:1:2::1", "2001:DB8:1:2:ffff::", "[2001:db8:1:2::1]", "[2001:db8:1:2::1]:443"),
        *("2001:db8:1:2::9%eth0", "2001:0db8:0001:0002:0000:0000:0000:0003", "[2001:db8:1:2::1%25eth0]:80"),
    ],
)
def test_the_addresses_of_an_ipv6_network_count_as_one(app: Sanic, spelling: str) -> None:
    assert counted(app, "10.0.0.1", spelling) == "2001:db8:1:2::/64"


@pytest.mark.parametrize(
    "nonsense", ["", "unknown", "_hidden", "a.b.c.d", "1.2.3.4.5", "[::1", "999.1.1.1:80", "x" * 99]
)
def test_what_is_no_address_counts_for_the_proxy_that_has_told_it(app: Sanic, nonsense: str) -> None:
    assert counted(app, "10.0.0.1", nonsense) == "10.0.0.1"


def admitted(limits: Limits, conversation: str, address: str, characters: int = 0) -> bool:
    """Counts a message; tells whether it may come in."""
    try:
        asyncio.run(limits.message(conversation, address, characters))
    except SessionError as refusal:
        assert (refusal.status, refusal.code) == (429, "too_many")
        return False
    return True


def test_a_long_message_counts_as_many_short_ones_of_its_conversation() -> None:
    limits = Limits(Settings(limit_messages_per_conversation="30 per hour"))
    assert [admitted(limits, "long", "10.0.0.1", 2000) for _ in range(4)] == [True, True, True, False]
    assert [admitted(limits, "short", "10.0.0.1", 250) for _ in range(31)] == [True] * 30 + [False]
    assert [admitted(limits, "buttons", "10.0.0.1") for _ in range(31)] == [True] * 30 + [False]


def test_a_long_message_counts_as_many_requests_of_its_address_in_whatever_conversation() -> None:
    limits = Limits(Settings(limit_requests_per_address="20 per hour"))
    sent = [admitted(limits, f"conversation {number}", "10.0.0.1", 2000) for number in range(3)]
    assert sent == [True, True, False]
    assert admitted(limits, "mine", "10.0.0.2", 2000)


def test_a_message_that_costs_more_than_the_whole_limit_is_admitted_once() -> None:
    limits = Limits(Settings(limit_messages_per_conversation="2 per hour", limit_requests_per_address="2 per hour"))
    assert [admitted(limits, "mine", "10.0.0.1", 2000) for _ in range(2)] == [True, False]


def test_a_conversation_of_long_messages_waits_as_one_of_many_does(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="nb")
    answers = [customer.post(text="hei " * 500) for _ in range(7)]  # windows of a minute: three in each, two of them
    refused = [answer.json() for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refused[0]["error"] == "too_many"
    assert page_bot.customer().post(text="hello " * 300).status_code == 200


def session(name: str, expires: float) -> Session:
    """Returns a conversation."""
    return Session(name, "en", "en", None, expires=expires, seen=0.0)


def test_the_messages_of_one_address_are_answered_two_at_a_time_and_others_do_not_wait() -> None:
    running: list[str] = []

    async def converse() -> None:
        go_on = asyncio.Event()

        async def handle(message: UserMessage) -> None:
            running.append(message.sender_id)
            await go_on.wait()

        store, settings = MemorySessions(10), Settings()
        links = AllowedLinks(settings)
        conversations = Conversations(store, Replies(), links, handle, settings.turns_per_address)

        async def say(name: str, address: str) -> Turn:
            button = Button(name, "Hello", "greet")
            lock = await store.lock(name)
            return conversations.begin(session(name, time.time() + 60), name, button, lock, address)

        turns = [await say(name, "10.0.0.1") for name in ("first", "second", "third")]
        turns.append(await say("of somebody else", "10.0.0.2"))
        for _ in range(100):  # as far as they come
            await asyncio.sleep(0)
        assert running == ["first", "second", "of somebody else"]
        go_on.set()
        for turn in turns:
            assert [part async for part in turn.follow()]
        assert running[-1] == "third"

    asyncio.run(asyncio.wait_for(converse(), WAIT_SECONDS))


def test_a_server_that_nobody_writes_to_forgets_expired_conversations(tmp_path: Path) -> None:
    channel = PageChannel(Settings(secrets_dir=tmp_path, redis_url=None))
    new = session("new", time.time() + 3600)
    found: list[Session | None] = []

    async def handle(message: UserMessage) -> None:
        pass

    async def begin(app: Sanic, loop: object) -> None:
        old = session("old", time.time() - 1)
        for begun in (old, new):
            await channel._store.add(begun)
        app.ctx.old = weakref.ref(old)

    async def watch(app: Sanic, loop: object) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while app.ctx.old() is not None and time.monotonic() < deadline:
            gc.collect()
            await asyncio.sleep(0.01)  # between two looks
        found.extend([app.ctx.old(), await channel._store.get("new")])
        app.stop()

    app = Sanic("forgetting", configure_logging=False)
    app.config.USE_UVLOOP = False  # for other tests of this process, too
    app.register_listener(begin, "before_server_start")
    app.blueprint(channel.blueprint(handle))
    app.register_listener(watch, "after_server_start")
    app.run(port=free_port(), motd=False, register_sys_signals=False)
    assert found == [None, new]
