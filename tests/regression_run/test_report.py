"""The report of a run that failed, in a real browser and as the machines read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.page.visitor import VENDOR
from tests.regression_run.damages import raise_the_threshold
from tests.regression_run.sandbox import Sandbox

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def reported(accepted: Sandbox) -> Iterator[Path]:
    """The folder of a report with everything in it: worse figures, causes, phrases."""
    # No article teaches this intent by its title.
    accepted.rewrite_phrases(lambda phrases: [each for each in phrases if each.intent != "greet"])
    raise_the_threshold(accepted)
    accepted.commit("Phrases <b>out</b> & threshold up")
    assert accepted.run().returncode == 1
    yield accepted.output
    accepted.go_back()


@pytest.fixture
def page(browser: Browser, reported: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def test_the_page_opens_without_errors_and_asks_nothing_of_anybody(page: Page, reported: Path) -> None:
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    address = (reported / "report.html").as_uri()
    page.goto(address)
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert errors == []
    assert page.locator("h1").inner_text().startswith("Worse than the baseline")
    assert "Phrases <b>out</b> & threshold up" in page.locator("#causes").inner_text()


def test_axe_finds_nothing(page: Page, reported: Path) -> None:
    page.goto((reported / "report.html").as_uri())
    for summary in page.locator("summary").all():
        summary.evaluate("node => node.parentElement.open = true")
    page.evaluate((VENDOR / "axe.min.js").read_text(encoding="utf8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    told = [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]]
    assert told == []


def test_tables_sort_and_filter(page: Page, reported: Path) -> None:
    page.goto((reported / "report.html").as_uri())
    table = page.locator("#figures table")
    page.locator("#figures input").fill("greet")
    page.locator("#figures input").fill("f1 greet")
    visible = table.locator("tbody tr:visible")
    assert visible.count() == 1
    assert "worse" in visible.inner_text()
    page.locator("#figures input").fill("")
    heading = table.get_by_role("columnheader", name="Now")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    values = [float(value) for value in table.locator("tbody tr td:nth-child(3)").evaluate_all(
        "cells => cells.map((cell) => cell.dataset.value)"
    )]  # fmt: skip
    assert values == sorted(values)


def test_machines_read_the_same_verdict(reported: Path) -> None:
    report = json.loads((reported / "report.json").read_text(encoding="utf8"))
    assert report["worse"]
    assert report["exit_code"] == 1
    assert len((reported / "summary.md").read_text(encoding="utf8").splitlines()) == 10


def test_what_is_newly_wrong_is_explained(reported: Path) -> None:
    report = json.loads((reported / "report.json").read_text(encoding="utf8"))
    lost = [wrong for wrong in report["newly_wrong"] if wrong["expected"] == "greet"]
    assert lost
    assert all(wrong["reason"] == "the model does not know the intent greet any more" for wrong in lost
               if wrong["set"] == "intents")  # fmt: skip
    refused = [wrong for wrong in report["newly_wrong"] if "below the threshold" in wrong["reason"]]
    assert refused
    assert all(near["intent"] == wrong["expected"] for wrong in refused for near in wrong["nearest"])
