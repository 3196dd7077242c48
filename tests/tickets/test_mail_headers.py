"""What customers type into a ticket stays text in the mails that leave: no header, no body of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.regression.notify import notify
from bot.settings import Settings
from bot.text.mail import header_text, make_mail
from bot.tickets.delivery.email import EmailTarget
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.request_tracker import RequestTrackerTarget
from bot.tickets.delivery.target import DeliveryAttempt
from bot.tickets.model import Ticket
from bot.tickets.store import TicketStore
from tests.support.help_desks import MailServer, RequestTracker
from tests.tickets.conftest import a_draft, mail_settings

REPLY_TO = "=?utf-8?q?=0D=0AReply-To:_evil=40x.no?="
HTML = "=?utf-8?q?hi=0D=0AContent-Type:text/html=0D=0A=0D=0A<h1>Pay_here</h1>?="
HOSTILE = [
    REPLY_TO,
    HTML,
    "=?utf-8?b?DQpCY2M6IGV2aWxAeC5ubw==?=",
    "=?UTF-8?Q?=0ABcc:_evil=40x.no?= æøå",
    "=?utf-8?q?one?= =?utf-8?q?=0D=0ABcc:_evil=40x.no?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3F=0D=0ABcc:x=3F=3D?=",
    "=\x00?utf-8?q?=0D=0ABcc:_evil=40x.no?=",
    "=\ufffe?utf-8?q?=0D=0ABcc:_evil=40x.no?=",
    "=?utf-8?q?=0D=0A_folded=0D=0ABcc:_evil=40x.no",
    "Hei\r\nBcc: evil@x.no",
    "Hei\u2028Bcc: evil@x.no",
    "Hei\x85Bcc: evil@x.no\x0b\x1cBcc: evil@x.no",
    "x" * 110 + REPLY_TO,
]
HEADERS = [
    "subject",
    "from",
    "to",
    "date",
    "message-id",
    "x-priority",
    "x-ticket-tags",
    "auto-submitted",
    "content-type",
    "content-transfer-encoding",
    "mime-version",
]
PIECES = [
    REPLY_TO,
    "=?utf-8?b?DQpCY2M6IGFAYi5ubw0K?=",
    "=?iso-8859-1?Q?=0Aa?=",
    *["=?", "?=", "=", "?", "=?utf-8?q?", "Bcc: x@y.no", "long " * 20, "a" * 50, "æ", "😀"],
    *["\r\n", "\n", "\r", "\u2028", "\x85", "\x0b", "\x00", "\udcff", "\ud800", "\ufffe", "\ufeff", "\u200b", "\xa0"],
    *['"', "<", ">", ",", "@", "(", ")", "\\", ";", ":", " ", "\t"],
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)


@pytest.fixture(scope="module")
def shared_mail() -> Iterator[MailServer]:
    """A mail server for all examples of a property."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ticket(tmp_path_factory: pytest.TempPathFactory) -> Ticket:
    folder = tmp_path_factory.mktemp("tickets")
    return TicketStore(f"sqlite:///{folder / 'tickets.db'}").open(a_draft())


def delivered(mail: MailServer, ticket: Ticket) -> bytes:
    """Returns what the mail server gets of a ticket."""
    target = EmailTarget(mail.url, "triage-bot@bot.example", "support@help.example", 20)
    target.deliver(DeliveryAttempt(ticket, "key", time.monotonic() + 60, 1, 1, 0, "lease"))
    return mail.contents[-1]


def header_names(content: bytes) -> list[str]:
    """Returns the names of headers as the strictest reader sees them: whatever may end a line does."""
    head = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    lines = head.replace(b"\r", b"\n").split(b"\n")
    return [line.partition(b":")[0].decode().lower() for line in lines if not line.startswith((b" ", b"\t"))]


def assert_is_ours(content: bytes, ticket: Ticket) -> None:
    """Fails if a mail has another header than ours, a body that is not ours, or a subject that goes on decoding."""
    named = header_names(content)
    assert [name for name in named if name != "reply-to"] == HEADERS
    assert named.count("reply-to") <= 1
    assert content.partition(b"\r\n\r\n")[0].isascii()
    message = message_from_bytes(content, policy=policy.default)
    assert [name.lower() for name, _ in message.items()] == named
    assert message.get_content_type() == "text/plain"
    assert message["Subject"] == subject(ticket)
    assert message["X-Ticket-Tags"] == header_text(" ".join(ticket.tags))
    assert message["To"] == "support@help.example"
    # As another reader decodes it, and once more: nothing is left that could be decoded.
    once = str(make_header(decode_header(str(message_from_bytes(content)["Subject"]))))
    assert " ".join(once.split()) == subject(ticket)
    assert str(make_header(decode_header(subject(ticket)))) == subject(ticket)


@pytest.mark.parametrize("typed", HOSTILE, ids=ascii)
def test_a_summary_makes_no_header_and_no_body_of_its_own(mail: MailServer, tmp_path: Path, typed: str) -> None:
    store = TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")
    ticket = store.open(a_draft(summary=typed, contact_email=None))
    content = delivered(mail, ticket)
    assert_is_ours(content, ticket)
    text = mail.messages[-1].get_content().replace("\r\n", "\n")
    assert text.split() == body(ticket).split()
    if typed.isprintable():
        assert typed in text  # the agent reads it as it was typed
        assert typed.replace("=?", "= ?")[:80] in subject(ticket)


@pytest.mark.parametrize(
    "address",
    [
        "=?a?q?=0D=0ABcc:b?=@x.no",
        "=?a?q?=0D=0AB?=@example.no",
        '"=?utf-8?q?=0D=0ABcc:_evil=40x.no?="@x.no',
        "a@x.no, everybody@x.no",
        "=?utf-8?q?=0D=0ABcc:_evil=40x.no?= <a@x.no>",
        "kåre@x.no",
    ],
)
def test_an_address_that_is_more_than_an_address_stands_in_the_text_only(
    mail: MailServer, tmp_path: Path, address: str
) -> None:
    ticket = TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}").open(a_draft(contact_email=address))
    content = delivered(mail, ticket)
    assert_is_ours(content, ticket)
    assert "reply-to" not in header_names(content)
    assert f"Kontakt: {address}\n" in mail.messages[-1].get_content().replace("\r\n", "\n")


def test_an_address_with_letters_beyond_ascii_in_its_domain_can_be_answered(mail: MailServer, ticket: Ticket) -> None:
    delivered(mail, replace(ticket, contact_email="kari@bücher.example"))
    assert mail.messages[-1]["Reply-To"] == "kari@xn--bcher-kva.example"


@settings(max_examples=150, deadline=None)
@given(summary=TEXTS, address=TEXTS, language=TEXTS, intent=TEXTS)
def test_no_text_in_any_field_of_a_ticket_makes_a_header(
    shared_mail: MailServer, ticket: Ticket, summary: str, address: str, language: str, intent: str
) -> None:
    typed = replace(ticket, summary=summary, contact_email=address, language=language, intent=intent)
    assert_is_ours(delivered(shared_mail, typed), typed)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, name=st.sampled_from(["From", "To", "Reply-To"]))
def test_no_display_name_makes_a_header(text: str, name: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    content = make_mail({name: f'"{quoted}" <desk@help.example>'}, text).as_bytes()
    assert header_names(content) == [name.lower(), "content-type", "content-transfer-encoding", "mime-version"]
    found = message_from_bytes(content, policy=policy.default)[name]
    assert [address.addr_spec for address in found.addresses] == ["desk@help.example"]
    assert "=?" not in str(found)


@pytest.mark.parametrize("typed", HOSTILE, ids=ascii)
def test_the_mail_of_a_nightly_run_has_no_other_headers(mail: MailServer, typed: str) -> None:
    smtp = {name.removeprefix("BOT_").lower(): value for name, value in mail_settings(mail).items()}
    assert notify(Settings(**smtp, regression_email_to="team@help.example"), typed, typed) == []
    (content,) = mail.contents
    ours = ["subject", "from", "to", "content-type", "content-transfer-encoding", "mime-version"]
    assert header_names(content) == ours
    assert mail.messages[0]["Subject"] == header_text(typed)
    assert mail.messages[0].get_content_type() == "text/plain"


def test_request_tracker_gets_no_encoded_word_and_no_address_that_is_more(
    tracker: RequestTracker, tmp_path: Path
) -> None:
    store = TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")
    ticket = store.open(a_draft(summary=HTML, contact_email="=?a?q?=0D=0AB?=@example.no"))
    target = RequestTrackerTarget(tracker.url, tracker.token, "Billing", 20)
    identity = target.deliver(DeliveryAttempt(ticket, "key", time.monotonic() + 60, 1, 1, 0, "lease"))
    there = tracker.ticket(str(identity))
    # What its mails say: Request Tracker hands ASCII on as it is.
    assert there["Subject"] == f"[{ticket.number}] {HTML.replace('=?', '= ?')}"
    assert there["Requestor"] == []
