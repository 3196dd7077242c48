"""Fixtures for tests in a real browser: Debian's Chromium, and visitors of the running bot's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.conftest import RunningBot
from tests.page.visitor import Visitor
from tests.support.chromium import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, one for this folder of tests."""
    with chromium() as started:
        yield started


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
