"""What the page makes of parts that today's bot does not say: a newer bot, an odd answer, an address of anywhere."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Route, expect

from tests.page.test_flow import Visit
from tests.page.visitor import Visitor


def answer_with(visitor: Visitor, *parts: dict[str, Any]) -> None:
    """Lets the next message be answered with these parts."""
    events = [f"event: message\ndata: {json.dumps({'language': 'en', **part})}\n\n" for part in parts]
    body = "".join([*events, "event: done\ndata: {}\n\n"])

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type="text/event-stream", body=body)

    visitor.page.route("**/messages", fulfil, times=1)


def test_addresses_become_links_only_where_they_may_lead(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    allowed = "https://learn.microsoft.com/azure/"
    others = [
        "https://evil.example/",
        "http://learn.microsoft.com/",
        "https://learn.microsoft.com.evil.example/",
        "https://learn.microsoft.com@evil.example/",
        "https://user@learn.microsoft.com/",
    ]
    answer_with(
        visitor,
        {"type": "text", "text": f"You wrote: {' , '.join([allowed, *others])}"},
        {"type": "buttons", "text": " ".join(others), "buttons": []},
    )
    visitor.say("x")
    links = visitor.page.evaluate("[...document.querySelectorAll('#log a')].map((a) => [a.href, a.rel, a.target])")
    assert links == [[allowed, "noopener noreferrer", "_blank"]]


def test_a_part_that_cannot_be_shown_keeps_no_other_from_being_shown(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    answer_with(
        visitor,
        {"type": "answer", "title": "an answer that lacks its steps"},
        {"type": "hologram", "text": "a part of a newer bot"},
        {"type": "text", "text": "still here"},
    )
    visitor.say("x")
    expect(visitor.find(".turn .bubble").last).to_have_text("still here")
    assert len(visitor.errors) == 1  # told to whoever watches the page's errors
    visitor.errors.clear()
    visitor.say("my card was declined")
    expect(visitor.find("answer-card")).to_have_count(1)


def test_every_word_is_in_the_language_that_it_says_to_be(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    visitor.say("hei, kortet mitt i azure ble avvist")
    languages = """[".bubble > span[lang]", ".turn > .byline", ".turn > :last-child"].map((selector) =>
      [...document.querySelectorAll(`#log ${selector}`)].map((node) => node.closest("[lang]").lang))"""
    assert visitor.page.evaluate(languages) == [["en", "nb"]] * 3
    visitor.page.reload()
    visitor.wait_for_bot()
    expect(visitor.find("answer-card")).to_have_count(1)
    assert visitor.page.evaluate(languages) == [["en", "nb"]] * 3
