"""Webhooks of Zammad and Chatwoot at the desk's port: they close tickets and open them again, and nobody else does."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests

from bot.desk.ticket_status import MOST_VENDOR_BYTES
from bot.tickets.delivery.worker import Outbox, RetryPolicy, Worker
from bot.tickets.store import TicketStore
from tests.desk.conftest import RunningDesk, serving
from tests.support import chatwoot, zammad
from tests.support.chatwoot import Chatwoot
from tests.support.servers import PostgresServer
from tests.support.zammad import Zammad
from tests.tickets.conftest import a_draft
from tests.tickets.test_vendor_desks import name_of, target_of

SECRETS = {"tickets_zammad_status_secret": zammad.SECRET, "tickets_chatwoot_status_secret": chatwoot.SECRET}
WORDS = {"zammad": ("open", "closed", "merged"), "chatwoot": ("open", "resolved", "archived")}
START = datetime.now(timezone.utc) - timedelta(minutes=10)


@dataclass
class Connected:
    """A help desk with one of our tickets, and the agents' desk that it tells what becomes of it."""

    desk: RunningDesk
    there: Zammad | Chatwoot
    number: str

    @property
    def name(self) -> str:
        """Name of the target."""
        return name_of(self.there)

    @property
    def state(self) -> str:
        """State of the ticket here."""
        return self.desk.desk.tickets.ticket(self.number).state

    def signed(self, status: str, minute: int, key: str | None = None, **more: int) -> tuple[bytes, dict[str, str]]:
        """Returns body and headers of a webhook that says what happened to the ticket.

        Args:
            status: of the ticket there.
            minute: when it changed there.
            key: what it is signed with, the right one by default; empty for no signature.
            **more: `late`, how many seconds ago Chatwoot signed it.
        """
        (identity,) = self.there.find(self.number)
        at = START + timedelta(minutes=minute)
        if isinstance(self.there, Zammad):
            told = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return self.there.webhook(identity, status, told, zammad.SECRET if key is None else key)
        payload = self.there.status_changed(identity, status, at.timestamp())
        return self.there.webhook(payload, chatwoot.SECRET if key is None else key, **more)

    def send(self, body: bytes, headers: dict[str, str], name: str = "") -> requests.Response:
        """Sends a webhook."""
        url = f"{self.desk.address}/ticket-status/{name or self.name}"
        return requests.post(url, data=body, headers=headers, allow_redirects=False, timeout=30)

    def tell(self, word: int, minute: int) -> bool:
        """Sends what happened to the ticket (0 opened, 1 closed, 2 something that is not followed).

        Returns:
            Whether it changed anything here.
        """
        answer = self.send(*self.signed(WORDS[self.name][word], minute))
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["applied"])


@pytest.fixture(params=[Zammad, Chatwoot])
def there(request: pytest.FixtureRequest) -> Iterator[Zammad | Chatwoot]:
    server: Zammad | Chatwoot = request.param()
    yield server
    server.stop()


def connected_with(there: Zammad | Chatwoot, running: RunningDesk, url: str) -> Connected:
    store = TicketStore(url, [name_of(there)])
    number = store.open(a_draft()).number
    assert Worker(Outbox(store, 60), [target_of(there)], RetryPolicy()).run_once() == {"delivered": 1}
    return Connected(running, there, number)


@pytest.fixture
def connected(there: Zammad | Chatwoot, tmp_path: Path) -> Iterator[Connected]:
    url = f"sqlite:///{tmp_path / 'tickets.db'}"
    with serving(url, tmp_path, **SECRETS) as running:
        yield connected_with(there, running, url)


def test_what_happens_at_the_help_desk_happens_here_with_history(connected: Connected) -> None:
    assert connected.tell(1, minute=1)
    assert connected.state == "closed"
    assert connected.tell(0, minute=2)
    assert connected.state == "new"
    title = connected.name.capitalize()
    changes = [(each.agent, each.after) for each in connected.desk.desk.tickets.changes(connected.number)]
    assert changes == [(title, "closed"), (title, "new")]


def test_it_is_the_same_with_postgresql(there: Zammad | Chatwoot, tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.database()
    with serving(url, tmp_path, **SECRETS) as running:
        connected = connected_with(there, running, url)
        assert [connected.tell(1, minute=3), connected.tell(0, minute=2), connected.tell(1, minute=3)] == [
            True,
            False,
            False,
        ]
        assert connected.state == "closed"


def test_a_message_that_comes_late_or_again_changes_nothing(connected: Connected) -> None:
    assert not connected.tell(0, minute=5)
    assert not connected.tell(1, minute=4)  # was overtaken
    assert connected.state == "new"
    closing = connected.signed(WORDS[connected.name][1], 6)
    assert connected.send(*closing).json() == {"applied": True}
    connected.desk.desk.tickets.reopen(connected.number, by="Ida")
    assert connected.send(*closing).json() == {"applied": False}
    assert connected.state == "new"


def test_a_status_that_is_not_followed_changes_nothing(connected: Connected) -> None:
    assert not connected.tell(2, minute=1)
    assert connected.state == "new"


def test_what_is_not_from_the_help_desk_is_refused(connected: Connected) -> None:
    closed = WORDS[connected.name][1]
    body, headers = connected.signed(closed, 1)
    for sent, given, remedy in (
        *((*connected.signed(closed, 1, key), remedy) for key, remedy in (("", "not signed"), ("x", "somebody else"))),
        (body.replace(b"T-", b"t-"), headers, "somebody else"),
        (body, {**headers, "X-Hub-Signature": "sha1=\xe6", "X-Chatwoot-Signature": "sha256=\xe6"}, "somebody else"),
    ):
        answer = connected.send(sent, given)
        assert (answer.status_code, remedy in answer.json()["error"]) == (401, True)
    assert connected.state == "new"


@pytest.mark.parametrize("late", [301, -360])
@pytest.mark.parametrize("there", [Chatwoot], indirect=True)
def test_a_message_that_chatwoot_has_not_signed_now_is_refused(connected: Connected, late: int) -> None:
    answer = connected.send(*connected.signed("resolved", 1, late=late))
    assert (answer.status_code, "300 s old" in answer.json()["error"]) == (401, True)
    assert connected.state == "new"


@pytest.mark.parametrize("there", [Chatwoot], indirect=True)
def test_a_conversation_that_is_no_ticket_changes_nothing(connected: Connected) -> None:
    assert isinstance(connected.there, Chatwoot)
    payload = connected.there.status_changed("1", "resolved", START.timestamp())
    for changed in ({"custom_attributes": {}}, {"event": "message_created"}, {"custom_attributes": {"ticket": "T-1"}}):
        answer = connected.send(*connected.there.webhook(payload | changed))
        assert (answer.status_code, answer.json()) == (200, {"applied": False})
    assert connected.state == "new"


@pytest.mark.parametrize(
    "message",
    [b"[]", b"{}", b"no JSON", b"\xff", b"[" * 10_000, b'{"ticket": 1}'],
    ids=["a list", "empty", "text", "bytes", "deep", "half"],
)
def test_what_cannot_be_read_is_refused(connected: Connected, message: bytes) -> None:
    at = str(int(time.time()))
    sha1 = hmac.new(zammad.SECRET.encode(), message, hashlib.sha1).hexdigest()
    sha256 = hmac.new(chatwoot.SECRET.encode(), f"{at}.".encode() + message, hashlib.sha256).hexdigest()
    signed = {"X-Hub-Signature": f"sha1={sha1}", "X-Chatwoot-Timestamp": at, "X-Chatwoot-Signature": f"sha256={sha256}"}
    answer = connected.send(message, signed)
    assert (answer.status_code, "default payload" in answer.json()["error"]) == (422, True)


def test_a_message_that_is_too_large_is_refused(connected: Connected) -> None:
    assert connected.send(b" " * (MOST_VENDOR_BYTES + 1), {}).status_code == 413


def test_without_a_secret_nobody_may_tell_anything(there: Zammad | Chatwoot, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tickets.db'}"
    with serving(url, tmp_path) as running:
        connected = connected_with(there, running, url)
        message = connected.signed(WORDS[connected.name][1], 1)
        answer = connected.send(*message)
        assert (answer.status_code, "STATUS_SECRET" in answer.json()["error"]) == (404, True)
        assert connected.send(*message, name="osticket").status_code == 403  # needs what every page needs
        assert requests.get(f"{running.address}/ticket-status/zammad", timeout=30).status_code == 405
        assert connected.state == "new"
