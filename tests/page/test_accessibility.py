"""axe-core finds nothing in any state, and what assistive technology relies on is there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from bot.articles.replies import Replies
from tests.page.test_flow import Visit
from tests.page.visitor import DESKTOP, PHONE, words

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True, "is_mobile": True},
    "dark phone": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state(visit: Visit, look: str) -> None:
    text = words("nb")
    visitor = visit("/?lang=nb", **LOOKS[look])
    expect(visitor.find("topic-grid button").first).to_be_visible()
    found = {"empty": visitor.violations()}
    visitor.say("kortet mitt ble avvist")
    found["answer and product buttons"] = visitor.violations()
    visitor.press(text["labels"]["azure"])
    for summary in visitor.find("summary").all():
        summary.click()
    found["answer with open sections, feedback buttons"] = visitor.violations()
    visitor.press(text["labels"]["deny"])
    found["topic buttons"] = visitor.violations()
    visitor.press(text["labels"]["person"])
    found["link to a person"] = visitor.violations()
    visitor.find("#start-over").click()
    found["dialog"] = visitor.violations()
    visitor.page.keyboard.press("Escape")
    visitor.page.fill("#message", "x" * 5000)
    visitor.page.press("#message", "Enter")
    expect(visitor.find(".notice")).to_have_count(1)
    found["refused"] = visitor.violations()
    visitor.page.fill("#message", "takk")
    visitor.page.context.set_offline(True)
    visitor.page.press("#message", "Enter")
    expect(visitor.find("#connection.lost")).to_be_visible()
    found["no connection"] = visitor.violations()
    visitor.page.context.set_offline(False)
    expect(visitor.find("#connection.lost")).to_have_count(0)
    assert {state: problems for state, problems in found.items() if problems} == {}


def test_axe_finds_nothing_while_the_bot_is_writing(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.page.route("**/messages", lambda route: None)  # never answered
    visitor.page.fill("#message", "hello")
    visitor.page.press("#message", "Enter")
    expect(visitor.find("#typing")).to_have_text(words("en")["page"]["typing"])
    assert visitor.violations() == []
    visitor.page.unroute_all(behavior="ignoreErrors")


def test_what_is_said_is_announced_in_its_own_language(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    log = visitor.page.get_by_role("log", name=words("en")["page"]["log"])
    expect(log).to_have_attribute("aria-live", "polite")
    visitor.page.select_option("#language", "nl")
    visitor.say("mijn kaart is geweigerd")
    assert visitor.page.evaluate("document.querySelector('#log').contains(document.querySelector('answer-card'))")
    assert visitor.find(".turn > [lang=nl]").count() == 2
    expect(visitor.find("html")).to_have_attribute("dir", "ltr")
    expect(visitor.find("customer-message .bubble")).to_have_attribute("dir", "auto")


def test_nothing_moves_for_those_who_want_no_motion(visit: Visit) -> None:
    visitor = visit("/?lang=en", reduced_motion="reduce")
    visitor.say("my card was declined")
    assert visitor.page.evaluate("document.getAnimations().length") == 0
    assert visitor.page.evaluate("getComputedStyle(document.querySelector('#conversation')).scrollBehavior") == "auto"


@pytest.mark.parametrize("language", Replies().complete())
def test_nobody_scrolls_sideways_even_at_four_times_the_size(visit: Visit, language: str) -> None:
    visitor = visit(f"/?lang={language}", viewport={"width": 320, "height": 256})  # 1280 pixels at 400 % (WCAG 1.4.10)
    visitor.find("topic-grid button").nth(3).click()
    visitor.wait_for_bot()
    widths = "['html', '#conversation'].map((selector) => document.querySelector(selector).scrollWidth)"
    assert visitor.page.evaluate(widths) == [320, 320]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everything_that_is_pressed_is_large_enough_for_a_finger(visit: Visit, size: dict[str, int]) -> None:
    visitor = visit("/?lang=nb", viewport=size)
    visitor.say("kortet mitt ble avvist")
    small = visitor.page.evaluate("""
        [...document.querySelectorAll("button, select, summary, .links a, .actions a, .products label, textarea")]
          .filter((node) => node.checkVisibility())
          .map((node) => [node.textContent.trim(), node.getBoundingClientRect().height])
          .filter(([, height]) => height < 40)
    """)
    assert small == []
