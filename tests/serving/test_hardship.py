"""The embedded default where the disk is full, and where clients are slow or have gone without a word."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil  # type: ignore[import-untyped]
import pytest

from tests.channel.conftest import PageBot, reply
from tests.conftest import RunningBot

QUESTION = "hvorfor er fakturaen så høy denne måneden"
ANOTHER = "hvordan betaler jeg fakturaen?"
CLIENTS = 60


@pytest.fixture
def bot(running_bot: RunningBot) -> PageBot:
    """The page of a bot with SQLite."""
    folder = running_bot.log.parent
    process_id = running_bot.process.pid
    return PageBot(running_bot.port, running_bot.log, folder / "conversations.db", folder / "secrets", process_id)


@contextmanager
def full_disk(process_id: int) -> Iterator[None]:
    """Lets no file of a process and of those that it has started grow."""
    family = [psutil.Process(process_id), *psutil.Process(process_id).children(recursive=True)]
    before = [resource.prlimit(member.pid, resource.RLIMIT_FSIZE) for member in family]
    for member, (_, hard) in zip(family, before, strict=True):
        resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        for member, limits in zip(family, before, strict=True):
            resource.prlimit(member.pid, resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_loses_nothing_that_was_kept_and_is_over_when_there_is_room(bot: PageBot) -> None:
    customer = bot.customer(language="nb")
    assert customer.say(QUESTION).parts
    kept = bot.events(customer)
    with full_disk(bot.process_id):
        refused = reply(customer.post(text=ANOTHER))
        assert refused.parts, "the customer is told something"
        assert bot.events(customer) == kept, "a turn is kept as a whole or not at all"
        assert bot.request("GET", "/").status_code == 200
    assert customer.say(ANOTHER).answer["intent"] == "pay_invoice"
    events = bot.events(customer)
    assert events[: len(kept)] == kept
    assert [event["text"] for event in events if event["event"] == "user"] == [QUESTION, ANOTHER]


def test_clients_that_are_slow_or_gone_keep_nobody_waiting(bot: PageBot) -> None:
    with ExitStack() as connections:
        for number in range(CLIENTS):
            client = connections.enter_context(socket.create_connection(("127.0.0.1", bot.port)))
            if number % 3:  # every third one says nothing at all
                client.sendall(b"POST /webhooks/page/messages HTTP/1.1\r\nHost: localhost\r\n")
            if number % 3 == 2:
                client.sendall(b'Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"id": "')
        customer = bot.customer(language="nb", product="azure")
        assert customer.say(ANOTHER).answer["intent"] == "pay_invoice"
    assert customer.say(QUESTION).parts
