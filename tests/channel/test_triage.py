"""Triage on the support page: what the page gets to show, and which buttons act."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.articles.replies import Replies
from tests.channel.conftest import Customer, PageBot, Reply

REPLIES = Replies()


def button(reply: Reply, title: str) -> dict[str, Any]:
    """Returns the offered button with a title."""
    return next(each for part in reply.parts for each in part.get("buttons", []) if each["title"] == title)


@pytest.mark.parametrize("language", REPLIES.complete())
def test_a_ticket_is_opened_with_buttons_and_asked_about_in_the_same_conversation(
    page_bot: PageBot,
    language: str,
) -> None:
    customer = page_bot.customer(language=language, product="azure")
    answer = customer.press(next(each for each in customer.begun["buttons"] if each["intent"] == "card_declined"))
    asked = customer.press(answer.buttons("person")[0])
    assert REPLIES.dialogue("ask_email", language) in asked.text
    assert "somebody@example.com" in customer.say("somebody@example.com").text
    shown = customer.say("0x80070005")
    assert "0x80070005" in shown.text
    consent = button(shown, REPLIES.label("consent", language))
    opened = customer.press(consent)
    number = re.search(r"T-\d+-[0-9A-Z]{6}", opened.text)
    assert number is not None
    assert {part["language"] for reply in (asked, shown, opened) for part in reply.parts} == {language}
    assert customer.post(button=consent["id"]).status_code == 409
    assert number.group() in customer.say(f"{number.group()}?").text


def test_another_conversation_on_the_page_is_a_stranger(page_bot: PageBot) -> None:
    owner, stranger = (page_bot.customer(language="en") for _ in range(2))
    for text in ("I want to talk to a person", "somebody@example.com", "0x80070005"):
        owner.say(text)
    number = re.search(r"T-\d+-[0-9A-Z]{6}", owner.say("yes").text)
    assert number is not None
    assert REPLIES.dialogue("ask_status_email", "en") in stranger.say(f"what about ticket {number.group()}?").text
    assert REPLIES.dialogue("status_unknown", "en") in stranger.say("other@example.com").text


def test_an_answer_in_the_middle_of_a_form_is_shown_as_an_answer(page_bot: PageBot) -> None:
    customer: Customer = page_bot.customer(language="nb", product="azure")
    customer.say("jeg vil snakke med et menneske")
    between = customer.say("hvordan laster jeg ned en faktura?")
    assert between.answer["intent"] == "download_invoice"
    assert REPLIES.dialogue("ask_email", "nb") in between.text
