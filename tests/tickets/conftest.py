"""Fixtures for tests of tickets: both stores, real help desks, the worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.tickets.model import TicketDraft, Utterance
from bot.tickets.store import TicketStore
from tests.conftest import or_skip
from tests.support.help_desks import SECRET, HoldingProxy, MailServer, RequestTracker, WebhookReceiver
from tests.support.servers import PostgresServer

ROOT = Path(__file__).resolve().parent.parent.parent
Deliver = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


def a_draft(**changes: Any) -> TicketDraft:
    """Returns what a conversation hands over, with changes."""
    values: dict[str, Any] = {
        "conversation_id": "conversation-1",
        "form_id": "form-1",
        "summary": "Kortet mitt ble avvist",
        "consent": True,
        "intent": "card_declined",
        "confidence": 0.82,
        "language": "nb",
        "language_confidence": 0.98,
        "contact_email": "Kari.Nordmann@example.com",
        "runners_up": [("past_due_balance", 0.09), ("payment_not_registered", 0.04)],
        "product": "azure",
        "entities": [("invoice_number", "E0500ABCDE"), ("amount", "129 EUR")],
        "steps_tried": ["Sjekket utløpsdatoen"],
        "transcript": [
            Utterance("customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"),
            Utterance("bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"),
        ],
        "sentiment": ("negative", 0.71),
        "signals": ["deadline"],
    }
    return TicketDraft(**{**values, **changes})


@pytest.fixture(scope="session")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    """A Request Tracker 5."""
    server = or_skip(lambda: RequestTracker(tmp_path_factory.mktemp("rt")))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tickets.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(database: str) -> TicketStore:
    """A store of each kind, with no help desk."""
    return TicketStore(database)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    server = MailServer()
    yield server
    server.gate.set()
    server.stop()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A webhook receiver."""
    server = WebhookReceiver()
    yield server
    server.gate.set()
    server.stop()


@pytest.fixture
def proxy(tracker: RequestTracker) -> Iterator[HoldingProxy]:
    """Stands before Request Tracker."""
    server = HoldingProxy(tracker.url)
    yield server
    server.gate.set()
    server.stop()


def webhook_settings(receiver: WebhookReceiver) -> dict[str, str]:
    """Returns the settings that name a webhook receiver."""
    return {"BOT_TICKETS_WEBHOOK_URL": receiver.url, "BOT_TICKETS_WEBHOOK_SECRET": SECRET}


def mail_settings(mail: MailServer) -> dict[str, str]:
    """Returns the settings that name a mail server."""
    return {
        "BOT_TICKETS_SMTP_URL": mail.url,
        "BOT_TICKETS_EMAIL_FROM": "triage-bot@bot.example",
        "BOT_TICKETS_EMAIL_TO": "support@help.example",
    }


def tracker_settings(tracker: RequestTracker, url: str = "") -> dict[str, str]:
    """Returns the settings that name a Request Tracker."""
    return {
        "BOT_TICKETS_RT_URL": url or tracker.url,
        "BOT_TICKETS_RT_TOKEN": tracker.token,
        "BOT_TICKETS_RT_QUEUE": "Billing",
    }


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Runs `python -m bot tickets deliver` as a process of its own, for as long as the context lasts."""

    @contextmanager
    def run(database: str, answer: float = 1, lease: float = 3, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        environment = {
            **os.environ,
            "BOT_TICKETS_DATABASE": database,
            "BOT_TICKETS_ANSWER_SECONDS": str(answer),
            "BOT_TICKETS_LEASE_SECONDS": str(lease),
            "BOT_TICKETS_RETRY_SECONDS": "0.1",
            "BOT_TICKETS_RETRY_LONGEST_SECONDS": "0.5",
            **settings,
        }
        with (tmp_path / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "bot", "tickets", "deliver"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        try:
            yield worker
        finally:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
                worker.wait(timeout=60)

    return run
