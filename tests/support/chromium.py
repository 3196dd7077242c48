"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

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


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts Chromium; without it the test is skipped, where every server is required it fails.

    While Playwright is there, an event loop runs in the main thread, and no other one can: the fixture that uses this
    must end with a folder or a file of tests.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        remedy = "The page's tests need a browser: `apt-get install chromium`, or run tools/install-test-servers.sh."
        if os.environ.get("REQUIRE_SERVERS") == "1":
            pytest.fail(remedy)
        pytest.skip(remedy)
    expect.set_options(timeout=15_000)  # a busy machine is slow; what never comes still fails
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()
