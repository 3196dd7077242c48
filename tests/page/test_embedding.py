"""The chat on a foreign page whose style sheet is as hostile as they get."""

from __future__ import annotations

import pytest
from playwright.sync_api import Frame, ViewportSize, expect

from tests.page.test_flow import Visit
from tests.page.visitor import DESKTOP, LIMIT_MILLISECONDS, PHONE, Visitor, words


def frame_of(visitor: Visitor) -> Frame:
    """Returns the frame of the chat, which the page's own scripts cannot look up."""
    return next(frame for frame in visitor.page.frames if "/webhooks/page/frame" in frame.url)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_question_is_answered_on_a_hostile_page(visit: Visit, size: ViewportSize) -> None:
    visitor = visit("/webhooks/page/demo", viewport=size)
    frame = frame_of(visitor)
    launcher = frame.get_by_role("button", name=words("nb")["page"]["open"])
    expect(launcher).to_be_visible()
    assert visitor.page.evaluate("innerWidth") == size["width"]
    box = frame.frame_element().bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (64, 64)

    launcher.click()
    expect(frame.locator("#message")).to_be_focused()
    box = frame.frame_element().bounding_box()
    assert box is not None
    assert box["width"] == (360 if size is PHONE else 420)
    frame.locator("#message").fill("kortet mitt ble avvist")
    frame.locator("#message").press("Enter")
    expect(frame.locator("answer-card")).to_have_attribute("lang", "nb", timeout=LIMIT_MILLISECONDS)
    expect(frame.get_by_label("Azure")).to_be_checked()  # data-product
    font = frame.evaluate("getComputedStyle(document.body).fontFamily")
    assert "cursive" not in font

    # The demo's policy allows frames of its own origin alone; mailing the answer must not lead the frame elsewhere.
    frame.get_by_role("link", name=words("nb")["page"]["mail"]).click()
    frame.get_by_role("button", name=words("nb")["page"]["copy"]).click()
    expect(frame.get_by_role("button", name=words("nb")["page"]["copied"])).to_be_visible()

    frame.locator("#message").press("Escape")
    expect(frame.locator("#launcher")).to_be_focused()
    visitor.page.reload()
    frame = frame_of(visitor)
    frame.locator("#launcher").click()
    expect(frame.locator("answer-card")).to_have_count(1)


def test_what_a_host_does_to_its_whole_page_does_not_reach_the_chat(visit: Visit) -> None:
    visitor = visit("/webhooks/page/demo", viewport=DESKTOP)
    expect(frame_of(visitor).locator("#launcher")).to_be_visible()
    visitor.page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("html { transform: rotate(9deg) scale(.5) !important; opacity: .1 !important; }");
      document.adoptedStyleSheets.push(sheet);
    }""")
    box = frame_of(visitor).frame_element().bounding_box()
    assert box == {"x": DESKTOP["width"] - 84, "y": DESKTOP["height"] - 84, "width": 64, "height": 64}
    frame_of(visitor).locator("#launcher").click()  # no red box lies over it
    expect(frame_of(visitor).locator("#message")).to_be_visible()


def test_the_page_finds_no_trace_of_the_chat_but_an_empty_element(visit: Visit) -> None:
    visitor = visit("/webhooks/page/demo")
    frame_of(visitor)
    assert visitor.page.evaluate("document.querySelectorAll('iframe').length") == 0
    host = "document.documentElement.lastElementChild"
    assert visitor.page.evaluate(f"[{host}.shadowRoot, {host}.childNodes.length]") == [None, 0]


def test_axe_finds_nothing_in_the_frame_closed_or_open(visit: Visit) -> None:
    visitor = visit("/webhooks/page/demo")
    frame = frame_of(visitor)
    expect(frame.locator("#launcher")).to_be_visible()
    assert visitor.violations(frame) == []
    frame.locator("#launcher").click()
    expect(frame.locator("topic-grid button").first).to_be_visible()
    assert visitor.violations(frame) == []
