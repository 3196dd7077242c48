"""The page without a mouse."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.page.test_flow import Visit
from tests.page.visitor import Visitor, words

MOST_STOPS = 60


def tab_to(visitor: Visitor, selector: str, key: str = "Tab") -> None:
    """Presses Tab until the focus is where a selector points, as a person would."""
    for _ in range(MOST_STOPS):
        if visitor.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        visitor.page.keyboard.press(key)
    raise AssertionError(f"{selector} cannot be reached with {key}")


def test_a_whole_visit_by_keyboard_alone(visit: Visit) -> None:
    text = words("en")
    visitor = visit("/?lang=en")
    keyboard = visitor.page.keyboard
    expect(visitor.find("#message")).to_be_focused()
    keyboard.type("my card was declined")
    keyboard.press("Enter")
    visitor.wait_for_bot()
    expect(visitor.find("#message")).to_be_focused()

    tab_to(visitor, ".choice-product", "Shift+Tab")
    keyboard.press("Enter")
    visitor.wait_for_bot()
    tab_to(visitor, ".products input")
    before = visitor.card.locator(".steps").text_content()
    keyboard.press("ArrowLeft")
    assert visitor.card.locator(".steps").text_content() != before
    tab_to(visitor, "summary")
    keyboard.press("Enter")
    expect(visitor.card.locator("details").first).to_have_attribute("open", "")
    tab_to(visitor, ".choice-feedback")
    keyboard.press("Space")
    visitor.wait_for_bot()
    expect(visitor.find(".turn .bubble").last).to_have_text(text["replies"]["utter_solved"])

    tab_to(visitor, "#start-over", "Shift+Tab")
    keyboard.press("Enter")
    expect(visitor.find("dialog")).to_be_visible()
    keyboard.press("Escape")
    expect(visitor.find("dialog")).not_to_be_visible()
    expect(visitor.find("#start-over")).to_be_focused()
    keyboard.press("Enter")
    tab_to(visitor, "dialog [value=start-over]")
    keyboard.press("Enter")
    expect(visitor.find("#log")).to_be_empty()
    expect(visitor.find("#message")).to_be_focused()


def test_the_focus_goes_from_the_skip_link_through_the_page_in_reading_order(visit: Visit) -> None:
    visitor = visit("/?lang=en", has_touch=True, is_mobile=True)  # where nothing is focused at first
    expect(visitor.find("topic-grid button").first).to_be_visible()
    order = []
    for _ in range(18):
        visitor.page.keyboard.press("Tab")
        order.append(visitor.page.evaluate("document.activeElement.id || document.activeElement.className || 'topic'"))
    assert order == ["skip", "language", "start-over", "conversation", *["topic"] * 12, "message", "send"]


def test_the_skip_link_leads_to_the_message_box(visit: Visit) -> None:
    visitor = visit("/?lang=en", has_touch=True, is_mobile=True)
    expect(visitor.find("topic-grid button").first).to_be_visible()
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(visitor.find("#message")).to_be_focused()


def test_shift_and_enter_begin_a_new_line(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    expect(visitor.find("#message")).to_be_focused()
    visitor.page.keyboard.type("first")
    visitor.page.keyboard.press("Shift+Enter")
    visitor.page.keyboard.type("second")
    expect(visitor.find("#message")).to_have_value("first\nsecond")
    assert visitor.said() == []
