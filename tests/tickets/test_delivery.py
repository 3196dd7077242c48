"""Delivery to real help desks: what arrives, what is tried again, what is parked."""

from __future__ import annotations

import json
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import ValidationError

from bot.regression.notify import notify
from bot.settings import Settings
from bot.tickets.delivery import DeliverySettingsError, Target, make_targets, target_names
from bot.tickets.delivery.email import EmailTarget
from bot.tickets.delivery.message import body
from bot.tickets.delivery.request_tracker import RequestTrackerTarget
from bot.tickets.delivery.webhook import WebhookTarget
from bot.tickets.delivery.worker import Outbox, RetryPolicy, Worker
from bot.tickets.model import now
from bot.tickets.store import TicketStore
from bot.tickets.tables import OUTBOX
from tests.support.help_desks import SECRET, MailServer, RequestTracker, WebhookReceiver
from tests.tickets.conftest import ROOT, a_draft

IMPATIENT = RetryPolicy(first_seconds=0.001, longest_seconds=0.001, lease_seconds=0.001, refusals=3)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tickets.db'}"


def email(mail: MailServer) -> EmailTarget:
    return EmailTarget(mail.url, "triage-bot@bot.example", "support@help.example", 5)


def webhook(receiver: WebhookReceiver, secret: str = SECRET) -> WebhookTarget:
    return WebhookTarget(receiver.url, secret, 5)


def request_tracker(tracker: RequestTracker, queue: str = "Billing", token: str = "") -> RequestTrackerTarget:
    return RequestTrackerTarget(tracker.url, token or tracker.token, queue, 20)


def worker(store: TicketStore, target: Target) -> Worker:
    return Worker(Outbox(store, 60), [target], IMPATIENT)


def test_an_email_holds_the_whole_ticket(database: str, mail: MailServer) -> None:
    store = TicketStore(database, ["email"])
    ticket = store.open(a_draft(summary="Kortet mitt ble avvist, og nå er abonnementet vårt helt ødelagt"))
    assert worker(store, email(mail)).run_once() == {"delivered": 1}
    (message,) = mail.messages
    (delivery,) = store.deliveries()
    assert message["Subject"] == f"[{ticket.number}] {ticket.summary}"
    assert message["To"] == "support@help.example"
    assert message["Reply-To"] == "Kari.Nordmann@example.com"
    assert message["X-Priority"] == "1"
    assert message["X-Ticket-Tags"] == " ".join(ticket.tags)
    assert message["Message-ID"] == delivery.external_id
    assert message.get_content().replace("\r\n", "\n") == body(ticket)


def test_a_webhook_gets_the_ticket_signed_and_as_the_schema_says(database: str, receiver: WebhookReceiver) -> None:
    store = TicketStore(database, ["webhook"])
    ticket = store.open(a_draft())
    assert worker(store, webhook(receiver)).run_once() == {"delivered": 1}
    (posted,) = receiver.tickets.values()
    schema = json.loads((ROOT / "docs" / "ticket.schema.json").read_text(encoding="utf8"))
    jsonschema.Draft202012Validator(schema).validate(posted)
    assert posted["ticket"]["number"] == ticket.number
    assert store.deliveries()[0].external_id == "desk-1"


def test_a_wrong_secret_is_refused_and_parked_with_the_reason(database: str, receiver: WebhookReceiver) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    deliver = worker(store, webhook(receiver, "not the secret that is known to both"))
    results = [dict(deliver.run_once()) for _ in range(4)]
    assert (
        results == [{"postponed": 2, "parked": 1}, {}, {}, {}]
        or sum(result.get("parked", 0) for result in results) == 1
    )
    (delivery,) = store.deliveries(undelivered=True)
    assert (delivery.state, delivery.attempts) == ("parked", 3)
    assert delivery.reason is not None
    assert "401" in delivery.reason
    assert receiver.tickets == {}


def test_request_tracker_gets_a_ticket_in_its_queue(database: str, tracker: RequestTracker) -> None:
    store = TicketStore(database, ["request_tracker"])
    ticket = store.open(a_draft())
    assert worker(store, request_tracker(tracker)).run_once() == {"delivered": 1}
    (identity,) = tracker.find(ticket.number)
    there = tracker.ticket(identity)
    assert store.deliveries()[0].external_id == identity
    assert there["Subject"] == f"[{ticket.number}] Kortet mitt ble avvist"
    assert (there["Queue"]["Name"], there["Priority"], there["Status"]) == ("Billing", "120", "new")
    assert [person["id"] for person in there["Requestor"]] == ["Kari.Nordmann@example.com"]
    assert tracker.text(identity).rstrip("\n") == body(ticket).rstrip("\n")


@pytest.mark.parametrize(("queue", "token", "reason"), [("Nowhere", "", "Nowhere"), ("Billing", "1-1-x", "authorized")])
def test_what_request_tracker_refuses_is_told(
    database: str, tracker: RequestTracker, queue: str, token: str, reason: str
) -> None:
    store = TicketStore(database, ["request_tracker"])
    number = store.open(a_draft()).number
    assert "delivered" not in worker(store, request_tracker(tracker, queue, token)).run_once()
    (delivery,) = store.deliveries()
    assert delivery.reason is not None
    assert delivery.external_id is None
    assert tracker.find(number) == []


@pytest.mark.parametrize("name", ["email", "webhook", "request_tracker"])
def test_a_help_desk_that_is_down_is_waited_for_without_counting_refusals(
    database: str, request: pytest.FixtureRequest, name: str
) -> None:
    fixture = {"email": "mail", "webhook": "receiver", "request_tracker": "tracker"}[name]
    server: Any = request.getfixturevalue(fixture)
    target: Target = {"email": email, "webhook": webhook, "request_tracker": request_tracker}[name](server)
    store = TicketStore(database, [name])
    store.open(a_draft())
    server.stop()
    deliver = worker(store, target)
    for _ in range(2 * IMPATIENT.refusals):
        deliver.run_once()
    (delivery,) = store.deliveries()
    assert delivery.state == "pending"
    assert "did not answer" in str(delivery.reason)
    server.start()
    while not deliver.run_once()["delivered"]:
        pass
    assert store.deliveries(undelivered=True) == []


@pytest.mark.parametrize(
    ("answer", "result"),
    [("451 try again later", "unavailable"), ("554 we do not take this", "postponed")],
)
def test_a_mail_server_may_say_later_or_never(database: str, mail: MailServer, answer: str, result: str) -> None:
    store = TicketStore(database, ["email"])
    store.open(a_draft())
    mail.answer = answer
    assert worker(store, email(mail)).run_once()[result] >= 1
    (delivery,) = store.deliveries()
    assert answer in str(delivery.reason)
    mail.answer = "250 taken"
    store.retry(delivery.number)
    while store.deliveries(undelivered=True):
        worker(store, email(mail)).run_once()
    assert len(mail.messages) == 1


@pytest.mark.parametrize(("status", "result"), [(503, "unavailable"), (429, "unavailable"), (422, "postponed")])
def test_a_webhook_may_say_later_or_never(database: str, receiver: WebhookReceiver, status: int, result: str) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    receiver.status = status
    assert worker(store, webhook(receiver)).run_once()[result] >= 1
    assert str(status) in str(store.deliveries()[0].reason)


def test_one_ticket_that_is_refused_does_not_stop_the_others(database: str, tracker: RequestTracker) -> None:
    store = TicketStore(database, ["request_tracker"])
    refused = store.open(a_draft(intent="billing_access", signals=[])).number  # there is no queue `access`
    taken = store.open(a_draft(form_id="2", intent="pay_invoice", signals=[])).number
    worker(store, request_tracker(tracker, queue="{queue}")).run_once()
    assert {delivery.number: delivery.state for delivery in store.deliveries()}[taken] == "delivered"
    (identity,) = tracker.find(taken)
    assert tracker.ticket(identity)["Queue"]["Name"] == "payments"
    assert tracker.find(refused) == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_password_goes_over_tls_only(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, stderr=subprocess.DEVNULL
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS)
    tls.load_cert_chain(certificate, key)
    logins: list[tuple[bytes, bytes]] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        logins.append((login.login, login.password))
        return AuthResult(success=True)

    encrypted = {"ssl_context": tls} if scheme == "smtps" else {"tls_context": tls, "require_starttls": True}
    required = {"auth_required": True, "authenticator": authenticate, "auth_require_tls": scheme != "smtps"}
    server = MailServer(**encrypted, **required)
    target = EmailTarget(
        server.url.replace("smtp://", f"{scheme}://bot:p%40ss@"), "triage-bot@bot.example", "support@help.example", 5
    )
    store = TicketStore(database, ["email"])
    store.open(a_draft())
    assert worker(store, target).run_once() == {"unavailable": 1}  # nobody has vouched for the certificate
    nightly = Settings(
        tickets_smtp_url=server.url.replace("smtp://", f"{scheme}://bot:p%40ss@"),
        tickets_email_from="triage-bot@bot.example",
        regression_email_to="team@help.example",
    )
    assert "certificate" in notify(nightly, "Nightly regression", "all is well")[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    while not worker(store, target).run_once()["delivered"]:
        pass
    server.stop()
    assert logins == [(b"bot", b"p@ss")]


def test_an_address_that_no_header_can_hold_does_not_stop_an_email(database: str, mail: MailServer) -> None:
    store = TicketStore(database, ["email"])
    store.open(a_draft(contact_email="not an address\r\nBcc: everybody@example.com"))
    assert worker(store, email(mail)).run_once() == {"delivered": 1}
    (message,) = mail.messages
    assert message["Bcc"] is None
    assert message["Reply-To"] is None


def test_a_lease_that_is_about_to_end_sends_nothing(database: str, receiver: WebhookReceiver) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    assert Worker(Outbox(store, 2), [webhook(receiver)], IMPATIENT).run_once() == {"unavailable": 1}
    assert receiver.requests == 0


def test_a_row_in_one_workers_hand_is_not_given_to_another(database: str) -> None:
    first, second = (Outbox(TicketStore(database, ["email"]), 60) for _ in range(2))
    store = TicketStore(database, ["email"])
    store.open(a_draft())
    claim = first.claim("email")
    assert claim is not None
    assert second.claim("email") is None
    assert first.claim("webhook") is None
    first.finish(claim, state="delivered")
    assert second.claim("email") is None


def test_whoever_has_lost_a_lease_changes_nothing(database: str) -> None:
    store = TicketStore(database, ["email"])
    store.open(a_draft())
    slow, other = Outbox(store, 0), Outbox(store, 60)
    lost = slow.claim("email")
    taken = other.claim("email")
    assert lost is not None
    assert taken is not None
    slow.finish(lost, state="parked")
    assert store.deliveries()[0].state == "pending"
    other.finish(taken, state="delivered")
    assert store.deliveries()[0].state == "delivered"


def test_help_desks_set_later_get_older_tickets_when_asked_to(database: str, mail: MailServer) -> None:
    number = TicketStore(database).open(a_draft()).number
    store = TicketStore(database, ["email"])
    assert store.deliveries() == []
    assert store.retry(number) == 1
    assert store.retry(number) == 0
    assert worker(store, email(mail)).run_once() == {"delivered": 1}


def test_who_opens_tickets_needs_no_password_of_the_help_desk(database: str, mail: MailServer) -> None:
    opened_by = Settings(tickets_targets="email")
    assert make_targets(opened_by) == []
    TicketStore(database, target_names(opened_by)).open(a_draft())
    assert worker(TicketStore(database), email(mail)).run_once() == {"delivered": 1}


def test_a_help_desk_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="tickets_targets"):
        Settings(tickets_targets="email fax")


@pytest.mark.parametrize("column", ["next_attempt_at", "leased_until"])
def test_what_was_noted_while_a_clock_was_ahead_does_not_wait_for_that_hour(
    database: str, receiver: WebhookReceiver, column: str
) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    for ahead, told in ((timedelta(minutes=5), 0), (timedelta(hours=1), 1)):
        with store.writing() as connection:
            connection.execute(OUTBOX.update().values({column: now() + ahead}))
        assert worker(store, webhook(receiver)).run_once()["delivered"] == told


def test_the_wait_grows_to_its_limit_and_is_never_the_same_for_all() -> None:
    policy = RetryPolicy(first_seconds=2, longest_seconds=300, lease_seconds=180)
    for failures, longest in ((1, 2), (2, 4), (5, 32), (9, 300), (500, 300)):
        waits = {policy.wait(failures).total_seconds() for _ in range(50)}
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert policy.wait(1, uncertain=True).total_seconds() == 180


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"tickets_smtp_url": "smtp://localhost"}, "BOT_TICKETS_EMAIL_FROM"),
        (
            {
                "tickets_smtp_url": "tls://localhost",
                "tickets_email_from": "a@b.example",
                "tickets_email_to": "c@d.example",
            },
            "BOT_TICKETS_SMTP_URL must begin",
        ),
        ({"tickets_webhook_url": "http://localhost/"}, "BOT_TICKETS_WEBHOOK_SECRET"),
        ({"tickets_rt_url": "http://localhost/"}, "BOT_TICKETS_RT_TOKEN"),
        ({"tickets_zammad_url": "http://localhost/"}, "BOT_TICKETS_ZAMMAD_TOKEN"),
        ({"tickets_chatwoot_url": "http://localhost/", "tickets_chatwoot_token": "x"}, "_INBOX"),
        ({"tickets_lease_seconds": 30, "tickets_answer_seconds": 20}, "BOT_TICKETS_LEASE_SECONDS"),
    ],
)
def test_settings_that_do_not_go_together_are_told(settings: dict[str, object], missing: str) -> None:
    with pytest.raises(DeliverySettingsError, match=missing):
        make_targets(Settings(**settings))


def test_the_names_of_help_desks_are_those_of_their_classes() -> None:
    settings = Settings(
        tickets_smtp_url="smtp://localhost",
        tickets_email_from="a@example.com",
        tickets_email_to="b@example.com",
        tickets_webhook_url="http://localhost/",
        tickets_webhook_secret=SECRET,
        tickets_rt_url="http://localhost/",
        tickets_rt_token="1-1-x",
        tickets_zammad_url="http://localhost/",
        tickets_zammad_token="x",
        tickets_chatwoot_url="http://localhost/",
        tickets_chatwoot_token="x",
        tickets_chatwoot_inbox=4,
    )
    assert [target.name for target in make_targets(settings)] == target_names(settings)
    assert target_names(Settings()) == []
