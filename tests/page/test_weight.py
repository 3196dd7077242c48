"""What the page weighs, how soon it can be used (printed, not judged), and that nothing jumps while it loads."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.page.test_flow import Visit
from tests.page.visitor import DESKTOP, PHONE

HEAVIEST_BYTES = 150_000


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_page_is_light_and_nothing_jumps(
    visit: Visit, capsys: pytest.CaptureFixture[str], size: dict[str, int]
) -> None:
    visitor = visit("/?lang=nb", viewport=size)
    expect(visitor.find("topic-grid button").first).to_be_visible()
    measured = visitor.page.evaluate("""() => {
      const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return {
        bytes: loaded.reduce((sum, entry) => sum + entry.transferSize, 0),
        requests: loaded.length,
        usable: performance.getEntriesByName("usable")[0].startTime,
        shift: window.shift,
      };
    }""")
    with capsys.disabled():
        print(
            f"\npage: {measured['bytes'] / 1000:.1f} kB transferred in {measured['requests']} requests, "
            f"usable after {measured['usable']:.0f} ms, layout shift {measured['shift']:.4f}"
        )
    assert 0 < measured["bytes"] <= HEAVIEST_BYTES
    assert measured["shift"] < 0.01


def test_the_first_part_of_a_reply_is_shown_before_the_last_has_come(
    visit: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor = visit("/?lang=nb&product=azure")
    visitor.say("hei")
    visitor.page.evaluate("""() => {
      window.seen = [];
      new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => {
        const told = node.matches?.("answer-card, choice-buttons, customer-message");
        if (told) seen.push([node.tagName, performance.now()]);
      }))).observe(document.querySelector("#log"), { childList: true, subtree: true });
    }""")
    visitor.say("kortet mitt ble avvist")
    seen = visitor.page.evaluate("seen")
    moments = dict(reversed(seen))
    with capsys.disabled():
        first, last = moments["ANSWER-CARD"] - moments["CUSTOMER-MESSAGE"], seen[-1][1] - moments["CUSTOMER-MESSAGE"]
        print(f"\npage: first part of the reply shown {first:.0f} ms after sending, the last after {last:.0f} ms")
    assert moments["CUSTOMER-MESSAGE"] < moments["ANSWER-CARD"] <= moments["CHOICE-BUTTONS"]
