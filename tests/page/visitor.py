"""A visitor of the support page: a browser tab of its own, watched for anything that a page must not do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Frame, Locator, Page, Request, expect

from bot.text.yaml_files import read_yaml

VENDOR = Path(__file__).parent / "vendor"
ROOT = Path(__file__).parent.parent.parent
LIMIT_MILLISECONDS = 30_000

PHONE = {"width": 360, "height": 740}
TABLET = {"width": 820, "height": 1100}
DESKTOP = {"width": 1280, "height": 860}

# Read before the page's first script, so that nothing is missed.
_WATCH = """
    window.reports = [];
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      reports.push(violatedDirective + " " + blockedURI));
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
      if (!entry.hadRecentInput) window.shift += entry.value;
    })).observe({ type: "layout-shift", buffered: true });
"""

# Two rules axe itself asks of whole pages alone, never of a frame in one.
_AXE = """(whole) => axe.run(document, {
  resultTypes: ["violations"],
  rules: { "landmark-one-main": { enabled: whole }, "page-has-heading-one": { enabled: whole } },
})"""


def words(language: str) -> Mapping[str, Mapping[str, str]]:
    """Returns the words of a language, group -> key -> text."""
    content: Mapping[str, Mapping[str, str]] = read_yaml(ROOT / "data" / "replies" / f"{language}.yml", ValueError)
    return content


@dataclass
class Visitor:
    """One visitor with one tab.

    Args:
        page: the tab.
        address: where the bot answers, such as `http://127.0.0.1:5005`.
        requests: every request that the tab has made.
        errors: what a script has thrown, and what the browser has refused by the content security policy.
    """

    page: Page
    address: str
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @staticmethod
    def arrive(browser: Browser, address: str, path: str = "/", **options: Any) -> Visitor:
        """Opens a page in a browser profile of its own.

        Args:
            browser: the running browser.
            address: where the bot answers.
            path: path and query of the page.
            **options: size, colours and the like, as Playwright's `new_context` takes them.
        """
        settings: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "reduce", "locale": "en-GB"}
        context: BrowserContext = browser.new_context(**{**settings, **options})
        context.set_default_timeout(LIMIT_MILLISECONDS)
        context.add_init_script(_WATCH)
        visitor = Visitor(context.new_page(), address)
        visitor._watch()
        visitor.page.goto(address + path)
        if visitor.find("#composer").count():  # its script goes on after the browser says that all is loaded
            expect(visitor.find("topic-grid button").first).to_be_attached()
        return visitor

    def _watch(self) -> None:
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda line: self.errors.append(line.text) if "Content Security Policy" in line.text else None,
        )

    # A method of our own: Playwright cannot take a built-in one.
    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def leave(self) -> None:
        """Closes the tab, after a look at what it did: no request left the machine, no script failed, CSP is silent."""
        foreign = [request.url for request in self.requests if not self._is_local(request.url)]
        reports = self.page.evaluate("window.reports")
        self.page.context.close()
        done = {"requests that left the machine": foreign, "script errors": self.errors, "CSP reports": reports}
        assert not any(done.values()), done

    @staticmethod
    def _is_local(url: str) -> bool:
        parts = urlsplit(url)
        # `mailto` is handed to the visitor's mail program, which sends nothing by itself.
        stays = {"data", "blob", "about", "mailto"}
        return parts.scheme in stays or parts.hostname in {"127.0.0.1", "localhost"}

    def find(self, selector: str) -> Locator:
        """Returns what a CSS selector finds."""
        return self.page.locator(selector)

    def say(self, text: str) -> None:
        """Types a message, sends it and waits until the bot has said all."""
        self.page.fill("#message", text)
        self.page.press("#message", "Enter")
        self.wait_for_bot()

    def press(self, title: str) -> None:
        """Presses an offered button and waits until the bot has said all."""
        self.find("choice-buttons:not([closed]) button").filter(has_text=title).last.click()
        self.wait_for_bot()

    def wait_for_bot(self) -> None:
        """Waits until the last message is answered."""
        expect(self.find("#log > :last-child")).not_to_have_attribute(
            "data-state", "sending", timeout=LIMIT_MILLISECONDS
        )
        expect(self.find(".turn").last).to_be_visible(timeout=LIMIT_MILLISECONDS)
        expect(self.find("#typing")).to_be_empty(timeout=LIMIT_MILLISECONDS)

    @property
    def card(self) -> Locator:
        """The last answer."""
        return self.find("answer-card").last

    def said(self) -> list[str]:
        """Returns what the customer said, as the page shows it."""
        return [text.split(": ", 1)[1] for text in self.find("customer-message .bubble").all_text_contents()]

    def history(self) -> list[dict[str, Any]]:
        """Returns what the server keeps of the conversation."""
        token = json.loads(self.page.evaluate("sessionStorage.getItem('support-page:token')"))
        answer = self.page.request.get(
            f"{self.address}/webhooks/page/history", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status == 200
        return list(answer.json()["messages"])

    def customer_texts(self) -> list[str]:
        """Returns what the customer said, as the server keeps it."""
        return [message["text"] for message in self.history() if message["from"] == "customer"]

    def violations(self, frame: Frame | None = None) -> list[str]:
        """Returns what axe-core finds wrong with the present state, best-practice rules included.

        Args:
            frame: a frame to look at instead of the whole page.
        """
        place = frame or self.page.main_frame
        place.evaluate((VENDOR / "axe.min.js").read_text(encoding="utf8"))
        found = place.evaluate(_AXE, frame is None)
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
