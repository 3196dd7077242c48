"""The chat on pages of other origins: those that may embed it, and those that may not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT, RunningBot, free_port, started
from tests.page.test_embedding import frame_of
from tests.page.visitor import LIMIT_MILLISECONDS, Visitor, words

# Runs before the chat's script: takes hold of what that makes, hears what is told, and orders the frame about.
HOSTILE_SCRIPT = """
  window.heard = []; window.roots = []; window.made = [];
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    roots.push(attach.call(this, { ...options, mode: "open" }));
    return roots.at(-1);
  };
  const create = document.createElement.bind(document);
  document.createElement = (...names) => { made.push(create(...names)); return made.at(-1); };
  addEventListener("message", ({ data }) => heard.push(data));
  setInterval(() => made.forEach((node) => node.contentWindow?.postMessage({ supportPage: { open: true } }, "*")), 50);
"""
# What a host's script may try with what it has got hold of.
SPY = """() => {
  const frame = roots[0].querySelector("iframe");
  const tries = [() => frame.contentDocument.body, () => frame.contentWindow.document.body,
                 () => frame.contentWindow.sessionStorage.length, () => frame.contentWindow.location.href];
  return tries.map((attempt) => { try { return String(attempt()); } catch (error) { return error.name; } });
}"""
# Whether the chat is what a click into the lower right corner meets.
IN_THE_CORNER = "document.elementFromPoint(innerWidth - 50, innerHeight - 50) === document.documentElement.lastChild"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def host_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the foreign site serves; a test writes its page here."""
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="module")
def host_port(host_folder: Path) -> Iterator[int]:
    """A foreign origin at `localhost`: to a bot at `localhost` the same site, to one at `127.0.0.1` another."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(host_folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def embeddable_bot(trained_model: Path, host_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a bot whose setting allows the foreign site."""
    port = free_port()
    log = tmp_path_factory.mktemp("embeddable") / "bot.log"
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
    with started(command, log, BOT_EMBED_ORIGINS=f"http://localhost:{host_port}"):
        yield port


def write_host_page(folder: Path, bot: str) -> None:
    """Writes a page with the demo's hostile style sheet, a hostile script and the line that puts the chat on it."""
    hostile = (ROOT / "bot" / "channel" / "web" / "static" / "demo.css").read_text(encoding="utf8")
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="nl"><title>Shop</title><style>{hostile}</style><script>{HOSTILE_SCRIPT}</script>'
        f'<script src="{bot}/webhooks/page/embed.js" data-lang="nl" data-product="microsoft365" defer></script>'
        "<h1>Shop</h1></html>",
        encoding="utf8",
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["same site", "other site"])
def test_an_allowed_origin_shows_the_chat_and_cannot_look_into_it(
    browser: Browser, embeddable_bot: int, host_port: int, host_folder: Path, host: str
) -> None:
    write_host_page(host_folder, f"http://{host}:{embeddable_bot}")
    visitor = Visitor.arrive(browser, f"http://localhost:{host_port}")
    frame = frame_of(visitor)
    expect(frame.locator("#launcher")).to_be_visible()
    assert visitor.page.evaluate(IN_THE_CORNER)
    frame.get_by_role("button", name=words("nl")["page"]["open"]).click()
    frame.locator("#message").fill("mijn kaart is geweigerd")
    frame.locator("#message").press("Enter")
    expect(frame.locator("answer-card")).to_have_attribute("lang", "nl", timeout=LIMIT_MILLISECONDS)
    expect(frame.get_by_label("Microsoft 365")).to_be_checked()
    assert visitor.page.evaluate(SPY) == ["TypeError", "SecurityError", "SecurityError", "SecurityError"]
    told = [{"open": opened, "title": words("nl")["page"]["title"]} for opened in (False, True)]
    assert visitor.page.evaluate("heard") == [{"supportPage": state} for state in told]

    visitor.page.reload()
    frame = frame_of(visitor)
    if host == "localhost":
        expect(frame.locator("answer-card")).to_have_count(1)  # still open, still the same conversation
    else:  # browsers give frames of other sites no storage: the chat works, and begins anew
        expect(frame.locator("#launcher")).to_be_visible()
    visitor.leave()


def test_a_site_that_is_not_allowed_shows_nothing(
    browser: Browser, running_bot: RunningBot, host_port: int, host_folder: Path
) -> None:
    write_host_page(host_folder, f"http://127.0.0.1:{running_bot.port}")
    visitor = Visitor.arrive(browser, f"http://localhost:{host_port}")
    assert not visitor.page.evaluate(IN_THE_CORNER)
    assert any("frame-ancestors" in error for error in visitor.errors)
    visitor.page.context.close()
