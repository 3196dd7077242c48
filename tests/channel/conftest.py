"""A running bot that keeps its conversations in a file and logs all it can, and customers who write to it."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import ROOT, free_port, started

_LINKED = ("actions", "bot", "config.yml", "credentials.yml", "credentials-rest.yml", "data", "domain.yml")
_RUN = """
import sys
from pathlib import Path
from bot.launcher import run
port, model, root = sys.argv[1:]
run(int(port), "127.0.0.1", True, Path(model), ["--debug"], Path(root))
"""


@dataclass
class PageBot:
    """A bot with the support page's channel."""

    port: int
    log: Path
    database: Path
    secrets: Path
    process_id: int
    addresses: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def origin(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def new_address(self) -> str:
        """Returns a network address that nobody has written from (the bot trusts one proxy to tell it)."""
        number = next(self.addresses)
        return f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Makes a request from an address of its own."""
        headers = {"X-Forwarded-For": self.new_address(), **options.pop("headers", {})}
        return requests.request(method, self.origin + path, headers=headers, timeout=60, **options)

    def customer(self, **page: str) -> Customer:
        """Begins a conversation.

        Args:
            **page: `language`, `product` of the page.
        """
        customer = Customer(self)
        begun = customer.request("POST", "/webhooks/page/session", json=page)
        assert begun.status_code == 201, begun.text
        customer.begun = begun.json()
        return customer

    def events(self, customer: Customer) -> list[dict[str, Any]]:
        """Returns what Rasa's tracker store holds of a conversation."""
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute(
                "SELECT data FROM events WHERE sender_id = ? ORDER BY id", (customer.conversation,)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def kept(self) -> str:
        """Returns everything that the bot has kept of all conversations: tracker store and logs."""
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT * FROM events").fetchall()
        log = self.log.read_text(encoding="utf8", errors="replace")
        return "\n".join([log, *(str(row) for row in rows), *(json.dumps(json.loads(row[-1])) for row in rows)])


@dataclass
class Reply:
    """The parts of the bot's answer to one message."""

    parts: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "\n".join(str(part.get("text", "")) for part in self.parts)

    @property
    def answer(self) -> dict[str, Any]:
        """The structured answer, empty if there is none."""
        return next((part for part in self.parts if part["type"] == "answer"), {})

    def buttons(self, kind: str) -> list[dict[str, Any]]:
        """The offered buttons of a kind."""
        return [button for part in self.parts for button in part.get("buttons", []) if button["kind"] == kind]


@dataclass
class Customer:
    """Somebody who writes on the support page."""

    bot: PageBot
    address: str = ""
    begun: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.address = self.address or self.bot.new_address()

    @property
    def token(self) -> str:
        """The session token."""
        return str(self.begun["token"])

    @property
    def conversation(self) -> str:
        """The conversation's id in Rasa, read from the token as only a test needs to."""
        content = self.token.split(".")[0]
        return str(json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))))

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Makes a request from the customer's address, with the customer's token if there is one."""
        headers = {"X-Forwarded-For": self.address}
        if token or self.begun:
            headers["Authorization"] = f"Bearer {token or self.token}"
        headers.update(options.pop("headers", {}))
        return requests.request(method, self.bot.origin + path, headers=headers, timeout=60, **options)

    def post(self, message: str | None = None, **body: Any) -> requests.Response:
        """Posts a message, with a new id unless one is given."""
        return self.request("POST", "/webhooks/page/messages", json={"id": message or str(uuid.uuid4()), **body})

    def say(self, text: str, message: str | None = None, **body: Any) -> Reply:
        """Types a message and returns the answer."""
        return reply(self.post(message, text=text, **body))

    def press(self, button: dict[str, Any], message: str | None = None, **body: Any) -> Reply:
        """Presses a button and returns the answer."""
        return reply(self.post(message, button=button["id"], **body))

    def history(self) -> list[dict[str, Any]]:
        """Returns what was said so far."""
        messages: list[dict[str, Any]] = self.request("GET", "/webhooks/page/history").json()["messages"]
        return messages


def reply(response: requests.Response) -> Reply:
    """Reads a stream of events to its end."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = [block.split("\n") for block in response.content.decode().split("\n\n") if block.startswith("event:")]
    assert events[-1] == ["event: done", "data: {}"]
    assert all(event[0] == "event: message" for event in events[:-1])
    return Reply([json.loads(event[1].removeprefix("data: ")) for event in events[:-1]])


@pytest.fixture(scope="session")
def page_bot(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageBot]:
    """The bot as `make run REST=1` starts it, with debug logs, a database of conversations and one trusted proxy."""
    folder = tmp_path_factory.mktemp("page-bot")
    project = folder / "project"
    project.mkdir()
    for name in _LINKED:
        (project / name).symlink_to(ROOT / name)
    with serving(
        project, trained_model, folder, BOT_EMBED_ORIGINS="https://shop.example.com", BOT_REQUEST_SECONDS="2"
    ) as bot:
        yield bot


@contextmanager
def serving(project: Path, model: Path, folder: Path, **environment: str) -> Iterator[PageBot]:
    """Starts the bot of a project's folder.

    Args:
        project: the folder with configuration and data; its endpoints.yml is put here.
        model: what is served.
        folder: where logs, conversations and keys go.
        **environment: further environment variables.
    """
    shutil.copy(ROOT / "endpoints.yml", project / "endpoints.yml")
    port = free_port()
    command = ["-c", _RUN, str(port), str(model), str(project)]
    with started(
        command,
        folder / "bot.log",
        PYTHONPATH=str(ROOT),
        BOT_PROXIES_COUNT="1",
        BOT_SECRETS_DIR=str(folder / "secrets"),
        **environment,
    ) as process:
        yield PageBot(port, folder / "bot.log", folder / "conversations.db", folder / "secrets", process.pid)
