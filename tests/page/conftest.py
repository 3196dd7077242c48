"""Fixtures for tests in a real browser: Debian's Chromium, and visitors of the running bot's page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import RunningBot
from tests.page.visitor import Visitor

# Without these Chromium talks to its maker, which a test machine neither needs nor can.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it the test is skipped, where every server is required it fails.

    One a folder of tests: while Playwright is there, an event loop runs in the main thread, and no other one can.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        remedy = "The page's tests need a browser: `apt-get install chromium`, or run tools/install-test-servers.sh."
        if os.environ.get("REQUIRE_SERVERS") == "1":
            pytest.fail(remedy)
        pytest.skip(remedy)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(running_bot: RunningBot) -> str:
    """Where the running bot answers."""
    return f"http://127.0.0.1:{running_bot.port}"


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visitor]]:
    """Opens the page for a visitor: `visit("/?lang=nb", viewport=PHONE)`; every visitor is watched to the end."""
    visitors: list[Visitor] = []

    def arrive(path: str = "/", **options: Any) -> Visitor:
        visitors.append(Visitor.arrive(browser, address, path, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.leave()
