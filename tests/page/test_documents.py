"""Documents that the search has found, on the page: shown as text, marked as search results, clicks recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from bot.tickets.store import TicketStore
from tests.conftest import RunningBot
from tests.conversations.test_triage import wait_for
from tests.page.test_accessibility import LOOKS
from tests.page.test_flow import Visit
from tests.page.test_parts import answer_with
from tests.page.visitor import Visitor, words

QUESTION = "hvordan setter jeg opp fraværsmelding i outlook?"
HOSTILE = '<img src=x onerror="reports.push(1)"> [a](javascript:alert(1)) **b**'


@pytest.fixture(params=LOOKS)
def visitor(request: pytest.FixtureRequest, browser: Browser, searching_bot: RunningBot) -> Iterator[Visitor]:
    """A visitor of a bot with imported articles."""
    address = f"http://127.0.0.1:{searching_bot.port}"
    arrived = Visitor.arrive(browser, address, "/?lang=nb", **LOOKS[request.param])
    yield arrived
    arrived.leave()


def test_documents_are_shown_as_search_results_and_axe_finds_nothing(visitor: Visitor) -> None:
    text = words("nb")
    visitor.say(QUESTION)
    shown = visitor.find("document-list")
    expect(shown.locator("h2")).to_have_text(text["labels"]["search_results"])
    expect(shown.locator(".lead")).to_have_text(text["dialogue"]["documents_found"])
    assert 1 <= shown.locator("a").count() <= 3
    assert shown.locator(".sentence").count() >= 1
    assert visitor.violations() == []
    visitor.page.reload()
    expect(visitor.find("document-list a").first).to_be_visible()
    visitor.press(text["labels"]["no_document"])
    expect(visitor.find(".bubble").last).to_contain_text(text["dialogue"]["ask_email"])


def test_a_click_is_recorded(visitor: Visitor, searching_bot: RunningBot) -> None:
    visitor.page.context.route("https://**", lambda route: route.fulfill(status=200, body="elsewhere"))
    visitor.say(QUESTION)
    with visitor.page.context.expect_page():
        visitor.find("document-list a").first.click()
    part = next(said for said in visitor.history() if said.get("type") == "documents")
    store = TicketStore(searching_bot.tickets)

    def opened() -> list[tuple[str, ...]]:
        events = [event for event in store.searches() if event.search_id == part["search"]]
        return [event.documents for event in events if event.kind == "opened"]

    wait_for(lambda: opened() == [(part["links"][0]["file"],)])


def test_foreign_text_is_never_markup(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    link: dict[str, Any] = {"label": HOSTILE, "sentence": HOSTILE, "host": HOSTILE, "file": "x.md"}
    addresses = ["javascript:alert(1)", "https://evil.example/", "https://learn.microsoft.com/x"]
    links = [{**link, "url": address} for address in addresses]
    answer_with(visitor, {"type": "documents", "search": "s", "title": HOSTILE, "lead": HOSTILE, "links": links})
    visitor.say("x")
    assert visitor.find("document-list li").count() == 3
    assert visitor.find("document-list img").count() == 0
    assert visitor.page.evaluate("[...document.querySelectorAll('#log a')].map((a) => a.href)") == addresses[2:]
    assert HOSTILE in (visitor.find("document-list h2").text_content() or "")
