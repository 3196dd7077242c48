"""The whole stack on Debian's servers: conversations go on whatever Rasa server dies or is replaced."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest
import redis
import requests

from benchmarks.serving.faults import FAULTS, with_fault
from benchmarks.serving.schedules import family, stopped
from tests.channel.conftest import Customer, PageBot, Reply, reply
from tests.conftest import or_skip
from tests.support.servers import wait_until
from tests.support.stack import UNLIMITED, Stack

# One that moves conversations to another server, one that takes the tickets away; the rest would take two minutes more.
OFTEN = ("a Rasa server killed", "PostgreSQL killed, back after 3 s")
QUESTION = "hvorfor er fakturaen så høy denne måneden"


@pytest.fixture(scope="module")
def stack(trained_model: Path) -> Iterator[Stack]:
    """PostgreSQL, Redis, RabbitMQ, an action server, two Rasa servers, nginx."""
    with tempfile.TemporaryDirectory(prefix="stack") as folder:
        servers = or_skip(lambda: Stack(Path(folder), trained_model, settings=UNLIMITED))
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


def at(stack: Stack, port: int) -> PageBot:
    """Returns one server as a customer sees it."""
    return PageBot(port, stack.folder, stack.folder, stack.folder, 0)


def user_events(stack: Stack, customer: Customer) -> list[str]:
    """Returns the ids of the messages that Rasa has kept of a conversation."""
    with psycopg2.connect(stack.environment["BOT_TRACKER_DATABASE"]) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT data::json->>'message_id' FROM events WHERE sender_id = %s AND type_name = 'user' ORDER BY id",
            (customer.conversation,),
        )
        return [row[0] for row in cursor.fetchall()]


def test_a_conversation_goes_on_at_another_server(stack: Stack) -> None:
    here, there = (at(stack, port) for port in stack.worker_ports)
    customer = here.customer(language="nb")
    first = customer.say(QUESTION)
    elsewhere = Customer(there, customer.address, customer.begun)
    assert len(elsewhere.history()) == len(first.parts) + 1
    pressed = elsewhere.press(first.buttons("product")[0])
    assert pressed.answer["language"] == "nb"
    assert customer.post(button=first.buttons("product")[0]["id"]).status_code == 409
    assert customer.request("DELETE", "/webhooks/page/session").status_code == 204
    assert elsewhere.post(text="hei").status_code == 401


def test_a_message_that_comes_to_both_servers_at_once_is_answered_once(stack: Stack) -> None:
    here, there = (at(stack, port) for port in stack.worker_ports)
    customer = here.customer(language="nb")
    both = [customer, Customer(there, customer.address, customer.begun)]
    for _ in range(3):
        message = str(uuid.uuid4())
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda who, id=message: reply(who.post(id, text=QUESTION)).parts, both * 2))
        assert all(parts == answers[0] for parts in answers)
        assert answers[0]
    assert len(user_events(stack, customer)) == 3


def test_a_server_that_stood_still_does_not_answer_what_another_one_has_answered(stack: Stack) -> None:
    here, there = (at(stack, port) for port in stack.worker_ports)
    customer = here.customer(language="nb")
    elsewhere, message = Customer(there, customer.address, customer.begun), str(uuid.uuid4())
    customer.say(QUESTION)
    with ThreadPoolExecutor(1) as pool, ExitStack() as still:
        with stopped(family(stack.actions)), redis.Redis.from_url(stack.redis.url) as locks:
            pool.submit(customer.post, message, text="hei")  # its connection is the stopped server's: it may break
            wait_until(lambda: locks.exists(f"bot:turn:{customer.conversation}"), "the turn")
            still.enter_context(stopped(family(stack.workers[0])))
        answered = reply(elsewhere.post(message, text="hei")).parts  # once the lock has lapsed
    assert answered
    customer.say(QUESTION)  # comes after what was left of the turn
    assert user_events(stack, customer).count(message) == 1
    assert [said["id"] for said in customer.history() if said["from"] == "customer"].count(message) == 1
    assert reply(customer.post(message, text="hei")).parts == answered


def test_metrics_and_health_are_not_told_through_the_proxy(stack: Stack) -> None:
    for path in ("/metrics", "/health/ready"):
        assert requests.get(stack.origin + path, timeout=30).status_code == 404
    for port in stack.worker_ports:
        parts = requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=30).json()["parts"]
        assert parts == dict.fromkeys(
            ("model", "tickets", "conversations", "action_server", "event_broker", "redis"), True
        )


@pytest.mark.parametrize(
    "fault", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.full) for name in FAULTS]
)
def test_whatever_goes_no_message_and_no_ticket_is_lost_or_doubled(stack: Stack, fault: str) -> None:
    row = with_fault(stack, fault, conversations=8, turns=6)
    assert {row[column] for column in ("lost", "mixed", "duplicated", "tickets lost", "tickets doubled")} == {0}, row
    assert row["tickets told"] == row["tickets wanted"] == 2


def test_a_server_that_is_killed_loses_no_conversation(stack: Stack) -> None:
    page = at(stack, stack.port)
    customers = [page.customer(language="nb") for _ in range(4)]
    for customer in customers:
        customer.say(QUESTION)
    stack.workers[0].kill()
    for customer in customers:
        assert customer.say("takk").parts
        assert len(user_events(stack, customer)) == 2
    stack.workers[0].wait()


# Unlike the page it tries three times only, so that a busy machine may let it fail; the rolling restart above does not.
@pytest.mark.full
def test_a_model_is_changed_while_conversations_go_on(stack: Stack) -> None:
    page = at(stack, stack.port)
    customer = page.customer(language="nb")
    said = 0
    with ThreadPoolExecutor(1) as pool:
        restarting = pool.submit(stack.restart_workers, stack.model)
        while not restarting.done():
            assert _said_as_on_the_page(customer, "takk").parts
            said += 1
            if said % 15 == 0:  # a customer may write 20 messages a minute
                before, customer = customer, page.customer(language="nb")
                assert len(before.history()) >= 30
        restarting.result()
    assert customer.say(QUESTION).parts


def _said_as_on_the_page(customer: Customer, text: str) -> Reply:
    """Says something; where a server that goes breaks off in the middle, it is sent again as the same message.

    The page does the same (bot/channel/web/src/conversation.js).
    """
    message = str(uuid.uuid4())
    for _ in range(3):
        try:
            response = customer.post(message, text=text)
        except requests.RequestException:
            continue
        if response.status_code != 502:
            return reply(response)
    return customer.say(text, message)
