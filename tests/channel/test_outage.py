"""Tickets that the page's channel opens while the bot cannot answer: two bots, their action server stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from bot.articles.replies import Replies
from bot.channel.outage import text
from bot.stores.sessions import key
from bot.tickets.model import Ticket
from bot.tickets.numbers import find_number
from bot.tickets.store import TicketStore
from tests.channel import test_chatwoot
from tests.channel.conftest import Customer, PageBot
from tests.conftest import databases_beside, free_port, started
from tests.support import chatwoot
from tests.support.chatwoot import Chatwoot
from tests.support.programs import Program
from tests.support.servers import RedisServer
from tests.support.stack import action_server

REPLIES = Replies()
CARD = "4111 1111 1111 1111"
QUESTIONS = {
    "en": f"I was charged twice for my subscription on {CARD}",
    "nb": f"jeg ble belastet to ganger for abonnementet på {CARD}",
}
GREETINGS = {"en": "hello", "nb": "hei"}


@dataclass
class Servers:
    """Two bots with the same conversations and tickets, and their action server."""

    bots: list[PageBot]
    actions: Program
    store: TicketStore
    chatwoot: Chatwoot
    """Where both are agent bots."""

    def tickets(self, customer: Customer) -> list[Ticket]:
        """Returns what a customer's conversation has opened."""
        return self.store.tickets(conversation_id=customer.conversation)


@pytest.fixture(scope="module")
def servers(
    trained_model: Path, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """The servers, with a running action server to begin with."""
    folder, there = tmp_path_factory.mktemp("outage"), Chatwoot()
    shared = {
        **databases_beside(folder / "bot.log"),
        "BOT_REDIS_URL": redis_server.url,
        "BOT_SECRET_KEY": "the key of both of the bots in these tests",
        "BOT_PROXIES_COUNT": "1",
        "BOT_CHATWOOT_BOT_URL": there.url,
        "BOT_CHATWOOT_BOT_TOKEN": chatwoot.TOKEN,
        "BOT_CHATWOOT_BOT_SECRET": chatwoot.SECRET,
    }
    actions = action_server(free_port(), folder / "actions.log", {**os.environ, **shared})
    shared["BOT_ACTION_SERVER_URL"] = f"{actions.origin}/webhook"
    with ExitStack() as stack:
        bots = []
        for name in ("one", "two"):
            port, log = free_port(), folder / f"{name}.log"
            command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
            process = stack.enter_context(started(command, log, **shared))
            bots.append(PageBot(port, log, folder / "conversations.db", folder, process.pid))
        stack.callback(there.stop)
        stack.callback(actions.stop)
        yield Servers(bots, actions, TicketStore(shared["BOT_TICKETS_DATABASE"]), there)


@pytest.fixture
def outage(servers: Servers) -> Servers:
    """The servers, with the action server stopped."""
    servers.actions.stop()
    return servers


def start_actions(servers: Servers) -> None:
    servers.actions.start()
    servers.actions.wait()


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_question_becomes_a_ticket_once_an_address_is_given(outage: Servers, language: str) -> None:
    customer = outage.bots[0].customer(language=language)
    asked = customer.say(QUESTIONS[language])
    texts = [part["text"] for part in asked.parts if part["type"] == "text"]
    assert texts == [REPLIES.text("utter_answer_failed", language), text("ask", language)]
    # Anything else gets the apology alone.
    assert customer.say(QUESTIONS[language].replace(CARD, "")).text == REPLIES.text("utter_answer_failed", language)
    assert customer.say("kim@example").text == REPLIES.dialogue("email_wrong", language)
    assert outage.tickets(customer) == []
    opened = customer.say("kim@example.com")
    [ticket] = outage.tickets(customer)
    told = REPLIES.dialogue("ticket_opened", language, number=ticket.number, email="kim@example.com")
    assert opened.text == told
    assert ticket.contact_email == "kim@example.com"
    assert ticket.language == language
    assert ticket.summary == QUESTIONS[language].replace(CARD, "••••1111")
    assert (ticket.consent, ticket.transcript, ticket.entities) == (False, (), ())
    # What needs no action is answered, and ends no outage.
    assert customer.say(GREETINGS[language]).text == REPLIES.text("utter_greet", language)
    assert customer.say(QUESTIONS[language]).text.endswith(REPLIES.text("utter_answer_failed", language))
    assert len(outage.tickets(customer)) == 1


def test_the_address_that_the_page_knows_is_not_asked_for(outage: Servers) -> None:
    customer = outage.bots[0].customer(language="en", email="kim@example.com", product="azure")
    said = customer.say("my invoice is wrong").text
    [ticket] = outage.tickets(customer)
    assert find_number(said) == ticket.number
    assert text("known", "en") in said
    assert text("ask", "en") not in said
    assert (ticket.contact_email, ticket.product) == ("kim@example.com", "azure")


def test_whoever_wants_a_person_is_asked_for_an_address(outage: Servers) -> None:
    customer = outage.bots[0].customer(language="en")
    said = customer.say("I want to talk to a person").text
    assert REPLIES.text("utter_contact_person", "en") in said
    assert text("ask", "en") in said


def test_two_bots_open_one_ticket(outage: Servers) -> None:
    customer = outage.bots[0].customer(language="en")
    customer.say("my invoice is wrong")
    both = [Customer(bot, customer.address, customer.begun) for bot in outage.bots]
    with ThreadPoolExecutor(len(both) * 2) as threads:
        said = list(threads.map(lambda each: each.say("kim@example.com").text, both * 2))
    [ticket] = outage.tickets(customer)
    assert {find_number(each) for each in said} - {None} == {ticket.number}


def test_the_bot_goes_on_after_an_outage_and_another_one_opens_another_ticket(outage: Servers) -> None:
    customer = outage.bots[0].customer(language="en", product="azure", email="kim@example.com")
    customer.say("my card was declined")
    start_actions(outage)
    assert customer.say("my card was declined").answer["intent"] == "card_declined"
    outage.actions.stop()
    said = customer.say("how do I pay my invoice?").text
    first, second = outage.tickets(customer)
    assert first.number != second.number == find_number(said)


def test_an_address_that_was_asked_for_is_taken_when_the_bot_can_answer_again(outage: Servers) -> None:
    customer = outage.bots[0].customer(language="en")
    customer.say("my card was declined")
    start_actions(outage)
    said = customer.say("it is kim@example.com").text
    assert [find_number(said)] == [ticket.number for ticket in outage.tickets(customer)]


def test_whoever_has_a_ticket_already_gets_no_second_one(outage: Servers) -> None:
    start_actions(outage)
    customer = outage.bots[0].customer(language="en")
    for said in ("how do I pay my invoice?", "I want to talk to a person", "kim@example.com", "no", "yes"):
        customer.say(said)
    [ticket] = outage.tickets(customer)
    outage.actions.stop()
    told = customer.say("how do I pay my invoice?").text
    assert REPLIES.text("utter_answer_failed", "en") in told
    assert find_number(told) == ticket.number
    assert outage.tickets(customer) == [ticket]


def test_an_answer_that_redis_never_kept_counts_all_the_same(outage: Servers, redis_server: RedisServer) -> None:
    customer = outage.bots[0].customer(language="en")
    customer.say("my card was declined")
    start_actions(outage)
    with redis.Redis.from_url(redis_server.url) as client:
        name = key(customer.conversation)
        before = json.loads(client.get(name) or "")
        asked = customer.say("I want to talk to a person").text
        after = json.loads(client.get(name) or "")
        noted = [line for line in after["messages"] if line["from"] == "customer"][-1]
        # As Redis is left when it goes between the message and its answer.
        client.set(name, json.dumps({**before, "messages": [*before["messages"], noted]}), keepttl=True)
    said = customer.say("kim@example.com").text
    assert "kim@example.com" in said
    assert outage.tickets(customer) == []  # the form goes on, and opens one when it is filled
    assert [line["text"] for line in customer.history() if line["from"] == "bot"].count(asked.splitlines()[-1]) == 1


def test_chatwoots_customer_is_handed_over(outage: Servers) -> None:
    customer = test_chatwoot.Customer(outage.chatwoot, outage.bots[0].origin)
    assert customer.say("my card was declined")
    assert customer.answers == [REPLIES.text("utter_answer_failed", "en")]
    assert customer.conversation["status"] == "open"


def test_every_language_has_words_of_its_own() -> None:
    for name in ("ask", "known"):
        assert len({text(name, language) for language in REPLIES.complete()}) == len(REPLIES.complete()) >= 9
