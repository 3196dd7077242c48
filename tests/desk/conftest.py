"""Fixtures for tests of the agents' desk: a running desk with tickets, and agents who use it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from bot.desk.accounts import Role
from bot.desk.app import make_app, make_server
from bot.desk.desk import Desk
from bot.settings import Settings
from tests.support.servers import free_port, wait_until

_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


@dataclass
class RunningDesk:
    """A desk as `python -m bot desk` serves it, and what it keeps."""

    desk: Desk
    address: str
    passwords: dict[str, str] = field(default_factory=dict)

    def browser(self) -> Browser:
        """Returns a browser that has not signed in."""
        return Browser(self.address)

    def agent(self, name: str, role: Role = "agent", language: str = "en") -> Browser:
        """Returns the browser of an agent who has signed in; the account is made if there is none."""
        if name not in self.passwords:
            self.passwords[name] = self.desk.accounts.add(name, role, language)
        browser = self.browser()
        assert browser.sign_in(name, self.passwords[name]).status_code == 303
        return browser

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Takes away what every page asks for, as if the tickets' database were down."""
        names = ("desk_sessions", "live_states")
        for name in names:
            self._rename(name, f"away_{name}")
        yield
        for name in names:
            self._rename(f"away_{name}", name)

    def _rename(self, table: str, to: str) -> None:
        with self.desk.tickets.writing() as connection:
            connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))

    def audit(self) -> list[tuple[str, str, str]]:
        """Returns the audit log as (agent, action, object), oldest first."""
        return [(row.agent, row.action, row.object) for row in reversed(self.desk.accounts.audit())]


class Browser:
    """What a browser without scripts does: keeps cookies, says where a form comes from, sends the form's token."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = requests.Session()
        self.http.headers["Accept"] = "text/html"

    def get(self, path: str) -> requests.Response:
        """Loads a page; redirects are not followed."""
        return self.http.get(self.address + path, allow_redirects=False, timeout=30)

    def wait(self) -> None:
        """Waits until the desk answers."""
        while True:
            try:
                self.get("/sign-in")
                return
            except requests.ConnectionError:
                continue

    def token(self, path: str = "/") -> str:
        """Returns the token of a page's forms."""
        found = _TOKEN.search(self.get(path).text)
        assert found
        return found[1]

    def post(self, path: str, origin: str | None = None, **fields: str) -> requests.Response:
        """Sends a form.

        Args:
            path: where it goes.
            origin: what the browser says where it comes from; by default the desk itself, empty for nothing.
            **fields: of the form; a `token` is taken from the start page if none is given.
        """
        token = fields.pop("token", None)
        fields["token"] = self.token() if token is None else token
        headers = {"Origin": self.address if origin is None else origin}
        return self.http.post(self.address + path, data=fields, headers=headers, allow_redirects=False, timeout=30)

    def sign_in(self, name: str, password: str) -> requests.Response:
        """Sends the sign-in form."""
        return self.post("/sign-in", token=self.token("/sign-in"), name=name, password=password)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    """A desk of its own, with SQLite."""
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path) as running:
        yield running


@pytest.fixture
def desk(running: RunningDesk) -> Desk:
    """The stores of the running desk."""
    return running.desk


class serving:  # noqa: N801 - a context manager
    """Serves a desk in a thread.

    Args:
        tickets: the database of tickets, in SQLAlchemy's notation.
        folder: where conversations lie.
        proxies: number of trusted proxies.
        origin: the desk as browsers see it; empty for its address.
        **more: further settings.
    """

    def __init__(self, tickets: str, folder: Path, proxies: int = 0, origin: str = "", **more: Any) -> None:
        port = free_port()
        conversations = f"sqlite:///{folder / 'conversations.db'}"
        runs = f"sqlite:///{folder / 'regression.db'}"
        databases = {"tickets_database": tickets, "tracker_database": conversations, "regression_database": runs}
        desk = Desk(Settings(**{**databases, "review_dir": folder / "review", "proxies_count": proxies, **more}))
        self.running = RunningDesk(desk, f"http://127.0.0.1:{port}")
        app = make_app(desk, [origin or self.running.address])
        self._server = make_server(app, "127.0.0.1", port)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))

    def __enter__(self) -> RunningDesk:
        self._thread.start()
        wait_until(lambda: self._server.started, "the desk")
        return self.running

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()
