"""Conversations over the page's channel of a really running bot: answers, order, retries, reload, languages."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.articles.replies import Replies
from bot.channel.output import PageOutput
from bot.settings import Settings
from bot.stores.sessions import Session
from bot.text.links import AllowedLinks
from tests.channel.conftest import PageBot

REPLIES = Replies()
QUESTIONS = [
    ("nb", "kortet mitt ble avvist", "card_declined"),
    ("en", "my subscription was disabled", "subscription_disabled"),
    ("sv", "jag vill betala en förfallen faktura", "past_due_balance"),
    ("nl", "hoe betaal ik mijn factuur", "pay_invoice"),
]


@pytest.mark.parametrize(("language", "question", "intent"), QUESTIONS)
def test_a_question_is_answered_as_structure_with_buttons(
    page_bot: PageBot, language: str, question: str, intent: str
) -> None:
    customer = page_bot.customer(language=language)
    asked = customer.say(question)
    assert {part["language"] for part in asked.parts} == {language}
    solved = customer.press(asked.buttons("product")[0])
    assert solved.answer["intent"] == intent
    assert solved.answer["product"] == "azure"
    assert len(solved.answer["variants"][0]["steps"]) >= 2
    assert [button["title"] for button in solved.buttons("feedback")] == [
        REPLIES.label("affirm", language),
        REPLIES.label("deny", language),
    ]
    assert [button["kind"] for button in solved.buttons("person")] == ["person"]


def test_a_topic_of_the_start_is_a_button(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="sv", product="azure")
    topic = next(button for button in customer.begun["buttons"] if button["intent"] == "pay_invoice")
    assert topic["title"] == REPLIES.topic("pay_invoice", "sv")
    answer = customer.press(topic).answer
    assert (answer["intent"], answer["language"], answer["product"]) == ("pay_invoice", "sv", "azure")


def test_an_address_that_the_page_knows_is_not_asked_for(page_bot: PageBot) -> None:
    stranger = page_bot.customer(language="en").say("I want to talk to a person")
    assert REPLIES.dialogue("ask_email", "en") in stranger.text
    known = page_bot.customer(language="en", email="kim@example.com").say("I want to talk to a person")
    assert REPLIES.dialogue("ask_email", "en") not in known.text
    assert REPLIES.dialogue("ask_summary", "en") in known.text


def test_what_is_no_address_is_asked_for_all_the_same(page_bot: PageBot) -> None:
    for email in ("kim", "a" * 300 + "@example.com"):
        asked = page_bot.customer(language="en", email=email).say("I want to talk to a person")
        assert REPLIES.dialogue("ask_email", "en") in asked.text


def test_the_product_of_the_page_is_known_to_the_bot_until_the_customer_names_another(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en", product="microsoft365")
    assert customer.say("how do I pay my invoice?").answer["product"] == "microsoft365"
    assert customer.say("how do I pay my invoice for azure?").answer["product"] == "azure"
    assert customer.say("where can I download the invoice?").answer["product"] == "azure"


def test_the_language_follows_the_customer_and_the_menu(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    assert customer.say("hvorfor er fakturaen så høy denne måneden").parts[0]["language"] == "nb"
    german = customer.say("ok", language="de")
    assert {part["language"] for part in german.parts} == {"de"}
    button = customer.say("Wie bezahle ich meine Rechnung?").buttons("feedback")[0]
    assert customer.press(button, language="fi").text == REPLIES.text("utter_solved", "fi")


def test_the_same_message_again_is_answered_alike_and_done_once(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    message = str(uuid.uuid4())
    first = customer.say("how do I pay my invoice?", message)
    assert customer.say("how do I pay my invoice?", message.upper()).parts == first.parts
    button, message = first.buttons("product")[0], str(uuid.uuid4())
    assert customer.press(button, message).parts == customer.press(button, message).parts
    assert len([event for event in page_bot.events(customer) if event["event"] == "user"]) == 2


def test_a_message_whose_connection_was_lost_is_answered_to_whoever_asks_again(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en", product="azure")
    body = {"id": str(uuid.uuid4()), "text": "how do I pay my invoice?"}
    content = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", page_bot.port)) as connection:
        connection.sendall(
            b"POST /webhooks/page/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {customer.token}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        assert connection.recv(16).startswith(b"HTTP/1.1 200")  # accepted, and gone before the answer
    assert customer.say(body["text"], body["id"]).answer["intent"] == "pay_invoice"
    assert len([event for event in page_bot.events(customer) if event["event"] == "user"]) == 1


def test_a_part_is_read_before_rasa_goes_on_to_the_next() -> None:
    session = Session("page-x", "en", "en", None, expires=0.0, seen=0.0)
    output = PageOutput(session, "message", AllowedLinks(Settings()))
    turn = output.turn
    read: list[str] = []

    async def reader() -> None:
        async for part in turn.follow():
            read.append(part["text"])

    async def speak() -> None:
        reading = asyncio.create_task(reader())
        await asyncio.sleep(0)
        for number, text in enumerate(["one", "two", "three"], start=1):
            await output.send_response("page-x", {"text": text})
            assert len(read) == number
        turn.finish()
        await reading

    asyncio.run(speak())
    assert read == ["one", "two", "three"]


def test_messages_of_one_conversation_are_answered_one_after_the_other(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en", product="azure")
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(customer.say, ["how do I pay my invoice?"] * 4))
    # One of them is answered; whoever asks the same again is told where the answer stands.
    assert next(said.answer["intent"] for said in replies if said.parts[0]["type"] == "answer") == "pay_invoice"
    assert all(said.parts for said in replies)
    said = [event["event"] for event in page_bot.events(customer) if event["event"] in {"user", "bot"}]
    groups = "".join("u" if kind == "user" else "b" for kind in said).split("u")[1:]
    assert len(groups) == 4
    assert all(groups)
    assert [entry["from"] for entry in customer.history() if entry["from"] == "customer"] == ["customer"] * 4


def test_conversations_at_once_never_mix(page_bot: PageBot) -> None:
    customers = [page_bot.customer(language=language, product="azure") for language, _, _ in QUESTIONS]

    def visit(number: int) -> None:
        language, question, intent = QUESTIONS[number]
        said = customers[number].say(question)
        assert (said.answer["intent"], said.answer["language"]) == (intent, language)
        for _ in range(2):
            assert {part["language"] for part in customers[number].say(question).parts} == {language}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    for (language, question, _), customer in zip(QUESTIONS, customers, strict=True):
        history = customer.history()
        assert {entry["text"] for entry in history if entry["from"] == "customer"} == {question}
        assert {entry["language"] for entry in history if entry["from"] == "bot"} == {language}


def test_a_reload_shows_what_was_said_and_which_buttons_still_act(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="nb")
    first = customer.say("hvorfor er fakturaen så høy denne måneden")
    second = customer.press(first.buttons("product")[1])
    history = customer.history()
    assert [entry["from"] for entry in history if entry["from"] == "customer"] == ["customer", "customer"]
    assert history[0]["text"] == "hvorfor er fakturaen så høy denne måneden"
    assert all(entry["time"].endswith("+00:00") for entry in history)
    shown = [button for entry in history for button in entry.get("buttons", [])]
    still = {button["id"] for button in shown if button["open"]}
    assert still == {button["id"] for part in second.parts for button in part.get("buttons", [])}
    assert len(shown) > len(still)


def test_starting_over_ends_the_conversation_for_good(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    customer.say("hello")
    ended = customer.request("DELETE", "/webhooks/page/session")
    assert (ended.status_code, ended.content) == (204, b"")
    for method, path in (("GET", "history"), ("DELETE", "session")):
        assert customer.request(method, f"/webhooks/page/{path}").status_code == 401
    assert customer.post(text="hello").status_code == 401
    assert page_bot.customer(language="en").history() == []


@pytest.mark.parametrize(
    ("body", "accepted", "language"),
    [
        ({"language": "nb-NO"}, "", "nb"),
        ({"language": "nn"}, "", "nb"),
        ({"language": "xx"}, "", "en"),
        ({}, "la;q=0.9, da-DK;q=0.8, fi;q=0.9", "fi"),
        ({}, "xx, ;q=, *;q=zz", "en"),
        ({"product": "excel"}, "sv", "sv"),
    ],
)
def test_a_session_speaks_the_language_of_its_page(
    page_bot: PageBot, body: dict[str, str], accepted: str, language: str
) -> None:
    begun = page_bot.request("POST", "/webhooks/page/session", json=body, headers={"Accept-Language": accepted})
    assert begun.status_code == 201
    assert begun.json()["language"] == language
