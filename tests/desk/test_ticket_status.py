"""Signed messages of other help desks at the desk's port, and that nothing else came open with them."""

from __future__ import annotations

import base64
import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from bot.desk.ticket_status import MOST_BYTES
from bot.settings import Settings
from bot.tickets.delivery.webhook import WebhookTarget
from bot.tickets.delivery.worker import Outbox, RetryPolicy, Worker
from bot.tickets.signature import sign
from bot.tickets.store import TicketStore
from bot.tickets.tables import STATUS_REPORTS
from tests.desk.conftest import RunningDesk, serving
from tests.support.servers import PostgresServer
from tests.tickets.conftest import a_draft

SECRET = "a secret that both sides know"


@pytest.fixture(params=["sqlite", "postgresql"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningDesk]:
    """A desk that other help desks may tell what became of tickets."""
    url = f"sqlite:///{tmp_path / 'tickets.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.database()
    with serving(url, tmp_path, tickets_status_secret=SECRET) as running:
        yield running


def send(
    running: RunningDesk,
    message: Any,
    identity: str = "",
    key: bytes = SECRET.encode(),
    late: int = 0,
    **headers: str,
) -> requests.Response:
    """Sends a message as another help desk does.

    Args:
        running: the desk.
        message: JSON, or the bytes of a body.
        identity: of the message; without it, a new one.
        key: that it is signed with.
        late: how many seconds ago it was signed.
        **headers: instead of the right ones, underscores for hyphens; an empty one is not sent.
    """
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    signed = sign(key, identity or str(uuid.uuid4()), int(time.time()) - late, body)
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in (signed | changed).items() if value}
    return requests.post(f"{running.address}/ticket-status", data=body, headers=sent, allow_redirects=False, timeout=30)


def state(running: RunningDesk, number: str) -> str:
    return running.desk.tickets.ticket(number).state


def test_a_signed_message_closes_and_opens_a_ticket_with_history(told: RunningDesk) -> None:
    store = told.desk.tickets
    number = store.open(a_draft(conversation_id="customer")).number
    answer = send(told, {"ticket": number, "status": "closed"})
    assert (answer.status_code, answer.json()) == (200, {"ticket": number, "status": "closed", "applied": True})
    status = store.status_for(number, "customer")
    assert status is not None
    assert status.state == "closed"
    for status_there, here in (("answered", "new"), ("closed", "closed"), ("pending", "new"), ("open", "new")):
        assert send(told, {"ticket": number, "status": status_there}).status_code == 200
        assert state(told, number) == here
    assert [(each.agent, each.field, each.after) for each in store.changes(number)] == [
        ("help desk", "status_there", "closed"),
        ("help desk", "state", "closed"),
        ("help desk", "status_there", "answered"),
        ("help desk", "state", "new"),
        ("help desk", "status_there", "closed"),
        ("help desk", "state", "closed"),
        ("help desk", "status_there", "pending"),
        ("help desk", "state", "new"),
        ("help desk", "status_there", "open"),
    ]
    page = told.agent("Kari").get(f"/tickets/{number}").text
    assert "At the help desk: answered" in page
    assert "State: closed → new" in page


def test_a_message_that_comes_again_does_nothing(told: RunningDesk) -> None:
    number = told.desk.tickets.open(a_draft()).number
    closing = {"ticket": number, "status": "closed"}
    assert send(told, closing, identity="msg-1").json()["applied"] is True
    told.desk.tickets.reopen(number, by="Kari")
    before = told.desk.tickets.changes(number)
    again = send(told, closing, identity="msg-1", late=-5)  # each attempt is signed anew
    assert (again.status_code, again.json()["applied"]) == (200, False)
    assert told.desk.tickets.changes(number) == before
    assert state(told, number) == "new"
    assert send(told, closing, identity="msg-2").json()["applied"] is True


@pytest.mark.parametrize(
    ("sent", "remedy"),
    [
        ({"webhook_signature": ""}, "is not signed"),
        ({"webhook_id": ""}, "is not signed"),
        ({"webhook_timestamp": ""}, "is not signed"),
        ({"webhook_signature": "v1,bm90IHRoZSByaWdodCBvbmU="}, "signature is wrong"),
        ({"webhook_signature": "v1,\xe6"}, "signature is wrong"),
        ({"webhook_id": "another"}, "signature is wrong"),
        ({"key": b"not the secret that both know"}, "signature is wrong"),
        ({"late": 301}, "300 s old"),
        ({"late": -360}, "300 s old or ahead"),
        ({"webhook_timestamp": "yesterday"}, "seconds since 1970"),
        ({"identity": "x" * 201}, "200 characters"),
    ],
)
def test_what_is_not_signed_now_by_the_other_side_is_refused(
    told: RunningDesk, sent: dict[str, Any], remedy: str
) -> None:
    number = told.desk.tickets.open(a_draft()).number
    answer = send(told, {"ticket": number, "status": "closed"}, **sent)
    assert answer.status_code == 401
    assert remedy in answer.json()["error"]
    assert state(told, number) == "new"


def test_a_body_that_was_changed_on_the_way_is_refused(told: RunningDesk) -> None:
    number = told.desk.tickets.open(a_draft()).number
    signed = sign(SECRET.encode(), "msg-1", int(time.time()), json.dumps({"ticket": number, "status": "open"}).encode())
    headers = {name.replace("-", "_"): value for name, value in signed.items()}
    assert send(told, {"ticket": number, "status": "closed"}, **headers).status_code == 401
    assert state(told, number) == "new"


@pytest.mark.parametrize(
    ("message", "code", "remedy"),
    [
        ({"ticket": "T-10001-AAAAAA", "status": "closed"}, 404, "no such ticket"),
        ({"ticket": "T-999999999999-AAAAAA", "status": "closed"}, 404, "no such ticket"),
        ({"ticket": "\ud800", "status": "closed"}, 404, "no such ticket"),
        ({"ticket": "T-10001-AAAAAA", "status": "solved"}, 422, "open, pending, answered, closed"),
        ({"ticket": "T-10001-AAAAAA", "status": ["closed"]}, 422, "open, pending, answered, closed"),
        ({"ticket": 10001, "status": "closed"}, 422, "its number"),
        ({"status": "closed"}, 422, "its number"),
        (["closed"], 422, "its number"),
        (b"not JSON", 422, "no JSON"),
        (b"\xff\xfe\xfa", 422, "no JSON"),
        (b"[" * 10_000, 422, "no JSON"),
        (b"", 422, "no JSON"),
        (b" " * (MOST_BYTES + 1), 413, "too large"),
    ],
)
def test_what_cannot_be_applied_is_refused_with_the_remedy(
    told: RunningDesk, message: Any, code: int, remedy: str
) -> None:
    told.desk.tickets.open(a_draft())
    answer = send(told, message, identity="msg-1")
    assert answer.status_code == code
    assert remedy in answer.json()["error"]
    assert told.desk.tickets.rows(select(func.count()).select_from(STATUS_REPORTS))[0][0] == 0


def test_a_large_body_without_a_length_is_refused(told: RunningDesk) -> None:
    chunks = (b"x" * 4096 for _ in range(64))
    answer = requests.post(f"{told.address}/ticket-status", data=chunks, timeout=30)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/ticket-status", "/sign-in"])
def test_a_client_that_goes_before_the_end_of_its_body_is_no_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, tickets_status_secret=SECRET) as running:
        host = running.address.removeprefix("http://")
        with socket.create_connection(("127.0.0.1", int(host.split(":")[1])), timeout=30) as client:
            client.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{".encode())
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
    assert capfd.readouterr().err == ""  # uvicorn writes there what an endpoint raises


def test_a_message_that_failed_is_taken_in_when_it_comes_again(told: RunningDesk) -> None:
    store = told.desk.tickets
    number = store.open(a_draft()).number
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE status_reports RENAME TO away")
    assert send(told, {"ticket": number, "status": "closed"}, identity="msg-1").status_code == 503
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO status_reports")
    assert state(told, number) == "new"
    assert send(told, {"ticket": number, "status": "closed"}, identity="msg-1").json()["applied"] is True


def test_there_is_no_such_address_without_a_secret(running: RunningDesk) -> None:
    number = running.desk.tickets.open(a_draft()).number
    answer = send(running, {"ticket": number, "status": "closed"})
    assert answer.status_code == 404
    assert "BOT_TICKETS_STATUS_SECRET" in answer.json()["error"]
    assert state(running, number) == "new"


def test_all_else_at_the_port_needs_what_it_needed(told: RunningDesk) -> None:
    number = told.desk.tickets.open(a_draft()).number
    message = {"ticket": number, "status": "closed"}
    assert send(told, message, Host="evil.example").status_code == 421
    body = json.dumps(message).encode()
    signed = sign(SECRET.encode(), "msg-1", int(time.time()), body)
    for path in (f"/tickets/{number}", "/", "/ticket-status/", "/sign-out", "/beat"):
        answer = requests.post(f"{told.address}{path}", data=body, headers=signed, allow_redirects=False, timeout=30)
        assert answer.status_code in (400, 403)
    assert requests.get(f"{told.address}/ticket-status", timeout=30).status_code == 405
    kari = told.agent("Kari")
    assert kari.post("/ticket-status", action="close").status_code == 401  # a session is no signature
    assert kari.post(f"/tickets/{number}", token="0" * 64, action="close").status_code == 403
    assert state(told, number) == "new"


def test_our_own_webhook_signs_what_this_address_takes(told: RunningDesk) -> None:
    """Posts a ticket, which gets past the signature, as the scheme is the same both ways, and is no status."""
    store = TicketStore(told.desk.tickets.engine.url.render_as_string(hide_password=False), ["webhook"])
    store.open(a_draft())
    target = WebhookTarget(f"{told.address}/ticket-status", SECRET, 20)
    Worker(Outbox(store, 60), [target], RetryPolicy()).run_once()
    assert "422" in str(store.deliveries()[0].reason)


def test_a_secret_may_be_base64_and_one_of_several_signatures_is_enough(tmp_path: Path) -> None:
    key = b"twenty-four bytes of key"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, tickets_status_secret=secret) as running:
        number = running.desk.tickets.open(a_draft()).number
        message = {"ticket": number, "status": "closed"}
        right = sign(key, "msg-1", int(time.time()), json.dumps(message).encode())
        both = f"v1,b2xkIGtleQ== {right['webhook-signature']}"
        answer = send(
            running,
            message,
            **{name.replace("-", "_"): value for name, value in right.items()} | {"webhook_signature": both},
        )
        assert answer.status_code == 200
        assert state(running, number) == "closed"


@pytest.mark.parametrize("secret", ["too short", "whsec_not base64, though long enough"])
def test_a_secret_that_cannot_be_used_is_told_at_the_start(tmp_path: Path, secret: str) -> None:
    with (
        pytest.raises(ValueError, match=r"24 characters|base64"),
        serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, tickets_status_secret=secret),
    ):
        pass
    assert Settings().tickets_status_secret is None
