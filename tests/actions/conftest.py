"""The real action server, asked over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, free_port, wait_for_line


class ActionServer:
    """A started action server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def run(
        self,
        action: str,
        intent: str = "",
        channel: str = "rest",
        message: dict[str, Any] | None = None,
        said: list[str] | None = None,
        structures: list[dict[str, Any]] | None = None,
        form: str = "",
        **slots: Any,
    ) -> dict[str, Any]:
        """Runs an action for a conversation with these slots, after a message with this intent.

        Args:
            action: the action's name.
            intent: of the last message.
            channel: that it came through.
            message: what else the pipeline says of it: `text`, `intent_ranking`, `triage`, `entities`.
            said: what the bot has said before.
            structures: what it has said before that without a text.
            form: the form that is being filled.
            **slots: of the conversation.
        """
        heard = {"intent": {"name": intent, "confidence": 0.6}, "entities": [], "text": "", **(message or {})}
        event = {"event": "user", "text": heard["text"], "parse_data": heard, "input_channel": channel}
        before = [
            *({"event": "bot", "text": None, "data": {"custom": each}, "timestamp": 0.0} for each in structures or []),
            *({"event": "bot", "text": text, "data": {}, "timestamp": 0.0} for text in said or []),
        ]
        tracker = {
            "sender_id": "customer",
            "slots": slots,
            "latest_message": heard,
            "latest_event_time": 0.0,
            "followup_action": None,
            "paused": False,
            "events": [*before, {**event, "timestamp": 0.0}],
            "latest_input_channel": channel,
            "active_loop": {"name": form} if form else {},
            "latest_action": {},
        }
        body = {"next_action": action, "sender_id": "customer", "tracker": tracker, "version": "3.6.21"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/webhook",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            result: dict[str, Any] = json.load(response)
        return result


@pytest.fixture(scope="session")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActionServer]:
    """An action server with a ticket store of its own."""
    folder = tmp_path_factory.mktemp("actions")
    with action_server(folder, f"sqlite:///{folder / 'tickets.db'}") as server:
        yield server


@contextmanager
def action_server(folder: Path, tickets: str, articles: Path | None = None) -> Iterator[ActionServer]:
    """Starts an action server whose tickets are kept where the address says, with an article database or without."""
    port, log = free_port(), folder / "actions.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)],
            cwd=ROOT,
            env={
                **os.environ,
                "BOT_TICKETS_DATABASE": tickets,
                "BOT_ARTICLES_DATABASE": str(articles or folder / "articles.db"),
            },
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for_line(process, log, "Action endpoint is up and running")
        _wait_for_health(port)
        yield ActionServer(port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for_health(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError("the action server does not answer")


def slots_of(result: dict[str, Any]) -> dict[str, Any]:
    """Returns the slots that an action has set."""
    return {event["name"]: event["value"] for event in result["events"] if event["event"] == "slot"}
