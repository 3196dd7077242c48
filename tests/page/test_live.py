"""In a real browser: a customer waits for a person, talks to an agent, gets the bot back, rates; also over a reload."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bot.stores.live import WAIT_SECONDS
from bot.tickets.live_model import LiveState
from tests.channel.live_desk import Desk, desk_bot
from tests.page.visitor import PHONE, Visitor, words
from tests.stores.test_live import grow_old
from tests.support.servers import wait_until

WANTED = {"en": "I want to talk to a person", "nb": "Jeg vil snakke med et menneske"}
QUESTION = {"en": "my card was declined", "nb": "kortet mitt ble avvist"}
NEXT = {"en": "how do I pay my invoice?", "nb": "hvordan betaler jeg fakturaen?"}


@pytest.fixture(scope="module")
def desk(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bot with a desk."""
    with desk_bot(trained_model, tmp_path_factory.mktemp("desk")) as started:
        yield started


def taken(desk: Desk) -> str:
    """Takes the conversation that waits, as Anna; returns its id."""
    waiting: list[LiveState] = []

    def found() -> list[LiveState]:
        waiting[:] = [state for state in desk.store.waiting() if state.state == "waiting"]
        return waiting

    wait_until(found, "a customer who waits", 30)
    desk.store.beat("Anna")
    assert desk.store.take(waiting[0].conversation_id, "Anna")
    return waiting[0].conversation_id


def page_words(language: str) -> dict[str, str]:
    """Returns the page's words, with the agent's name in them."""
    return {key: text.replace("{agent}", "Anna") for key, text in words(language)["page"].items()}


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("nb", "dark")])
def test_a_customer_talks_to_an_agent_and_gets_the_bot_back(
    desk: Desk, browser: Browser, capsys: pytest.CaptureFixture[str], language: str, scheme: str
) -> None:
    page = page_words(language)
    desk.store.beat("Anna")
    size = {"viewport": PHONE} if scheme == "dark" else {}
    visitor = Visitor.arrive(browser, desk.bot.origin, f"/?lang={language}&product=azure", color_scheme=scheme, **size)
    visitor.say(QUESTION[language])
    visitor.say(WANTED[language])
    expect(visitor.find("#live-status")).to_have_text(page["live_waiting"])
    assert visitor.violations() == []
    conversation = taken(desk)
    expect(visitor.find("#live-status")).to_have_text(page["live_with"])
    expect(visitor.find(".notice").last).to_have_text(page["live_taken"])
    started = time.monotonic()
    desk.store.append(conversation, "agent_text", "first", "<b>Hi</b>, I am Anna. https://evil.example/x", "Anna")
    visitor.page.wait_for_selector(".turn.agent .bubble")
    seconds = time.monotonic() - started
    expect(visitor.find(".turn.agent .bubble").last).to_have_text("<b>Hi</b>, I am Anna. evil.example/x")
    with capsys.disabled():
        print(f"\nan agent's message is on the page after {seconds:.2f} s")
    assert visitor.find(".turn.agent a").count() == 0
    bot_turns = visitor.find(".turn:not(.agent)").count()
    visitor.page.fill("#message", "cancel my subscription")
    visitor.page.press("#message", "Enter")
    expect(visitor.find('customer-message[data-state="sent"]')).to_have_count(3)
    wait_until(lambda: desk.store.after(conversation)[-1].text == "cancel my subscription", "the customer's text", 10)
    assert visitor.find(".turn:not(.agent)").count() == bot_turns
    assert visitor.violations() == []
    visitor.page.reload()
    expect(visitor.find("#live-status")).to_have_text(page["live_with"])
    expect(visitor.find(".turn.agent")).to_have_count(1)
    desk.store.append(conversation, "agent_text", "second", "It is done.", "Anna")
    expect(visitor.find(".turn.agent .bubble").last).to_have_text("It is done.")
    assert desk.store.hand_back(conversation, "Anna")
    expect(visitor.find(".notice").last).to_have_text(page["live_handed_back"])
    expect(visitor.find("#live")).to_be_hidden()
    assert visitor.violations() == []
    visitor.find("live-rating label").nth(4).click()
    visitor.find("live-rating input[type=text]").fill("thanks")
    visitor.find("live-rating button").click()
    expect(visitor.find("live-rating")).to_have_text(page["rate_thanks"])
    visitor.say(NEXT[language])
    expect(visitor.find("answer-card").last).to_contain_text(words(language)["labels"]["steps"])
    rated = desk.store.after(conversation)[-1]
    assert (rated.kind, rated.rating, rated.text) == ("rated", 5, "thanks")
    visitor.page.reload()
    expect(visitor.find(".turn.agent")).to_have_count(2)
    expect(visitor.find("live-rating")).to_have_text(page["rate_thanks"])
    expect(visitor.find("#live")).to_be_hidden()
    order = visitor.find("#log > *").all_text_contents()
    assert order.index(page["live_taken"]) < order.index(page["live_handed_back"])
    visitor.leave()


def test_a_customer_leaves(desk: Desk, browser: Browser) -> None:
    page = page_words("en")
    desk.store.beat("Anna")
    visitor = Visitor.arrive(browser, desk.bot.origin, "/?lang=en&product=azure")
    visitor.say(WANTED["en"])
    conversation = taken(desk)
    expect(visitor.find("#leave")).to_have_text(page["live_leave"])
    visitor.find("#leave").click()
    expect(visitor.find("#live")).to_be_hidden()
    expect(visitor.find(".notice").last).to_have_text(page["live_left"])
    assert desk.store.state(conversation).state == "ended"
    visitor.say(NEXT["en"])
    expect(visitor.find("answer-card")).to_have_count(1)
    visitor.leave()


def test_a_customer_to_whom_nobody_comes_is_asked_for_a_ticket(desk: Desk, browser: Browser) -> None:
    desk.store.beat("Anna")
    visitor = Visitor.arrive(browser, desk.bot.origin, "/?lang=en")
    visitor.say(QUESTION["en"])
    visitor.say(WANTED["en"])
    expect(visitor.find("#live-status")).to_have_text(page_words("en")["live_waiting"])
    grow_old(desk.store, WAIT_SECONDS + 1)
    expect(visitor.find("#live")).to_be_hidden()
    expect(visitor.find(".turn").last).to_contain_text(words("en")["dialogue"]["hand_over_nobody"])
    expect(visitor.find("choice-buttons:not([closed])")).to_have_count(1)
    visitor.say("kari@example.com")
    expect(visitor.find(".turn").last).to_contain_text("kari@example.com")
    visitor.leave()
