"""The server is stopped and started while a customer writes: a new conversation, and nothing typed is lost."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.conftest import free_port, started
from tests.page.visitor import LIMIT_MILLISECONDS, Visitor, words


def test_a_restart_of_the_server_loses_nothing_that_the_customer_typed(
    browser: Browser, trained_model: Path, tmp_path: Path
) -> None:
    text, port = words("en")["page"], free_port()
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
    with started(command, tmp_path / "first.log", BOT_SECRETS_DIR=str(tmp_path / "secrets")):
        visitor = Visitor.arrive(browser, f"http://127.0.0.1:{port}", "/?lang=en&product=azure")
        visitor.say("how do I pay my invoice?")
    visitor.page.fill("#message", "my card was declined")
    visitor.page.press("#message", "Enter")
    expect(visitor.find("customer-message[data-state=waiting]")).to_have_count(1)
    expect(visitor.find("#connection")).to_have_text(text["connection_lost"])
    visitor.page.fill("#message", "half a sentence")
    with started(command, tmp_path / "second.log", BOT_SECRETS_DIR=str(tmp_path / "secrets")):
        expect(visitor.find("answer-card")).to_have_count(2, timeout=LIMIT_MILLISECONDS)  # the page tries now and then
        visitor.wait_for_bot()
        # Sent once, below the sentence that says what has happened; what was said before can still be read.
        expect(visitor.find(".notice")).to_have_text(text["expired"])
        assert visitor.customer_texts() == ["my card was declined"]
        assert visitor.said() == ["how do I pay my invoice?", "my card was declined"]
        expect(visitor.find("#message")).to_have_value("half a sentence")
        visitor.page.reload()
        expect(visitor.find("#message")).to_have_value("half a sentence")
        expect(visitor.find("answer-card")).to_have_count(1)
        visitor.leave()
