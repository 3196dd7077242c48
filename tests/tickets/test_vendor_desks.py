"""Delivery to Zammad and Chatwoot, which stand in by their documents: their servers are in no registry of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.tickets.delivery import Target
from bot.tickets.delivery.chatwoot import ChatwootTarget, as_markdown
from bot.tickets.delivery.message import body
from bot.tickets.delivery.worker import Outbox, RetryPolicy, Worker
from bot.tickets.delivery.zammad import ZammadTarget
from bot.tickets.store import TicketStore
from tests.support import chatwoot as chatwoot_server
from tests.support import zammad as zammad_server
from tests.support.chatwoot import Chatwoot
from tests.support.servers import wait_until
from tests.support.zammad import Zammad
from tests.tickets.conftest import ROOT, Deliver, a_draft

IMPATIENT = RetryPolicy(first_seconds=0.001, longest_seconds=0.001, lease_seconds=0.001, refusals=3)
EXAMPLES = ROOT / "docs" / "examples"
Desk = Zammad | Chatwoot


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tickets.db'}"


@pytest.fixture(params=[Zammad, Chatwoot])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Each help desk."""
    server: Desk = request.param()
    yield server
    server.stop()


@pytest.fixture
def zammad() -> Iterator[Zammad]:
    server = Zammad()
    yield server
    server.stop()


@pytest.fixture
def chatwoot() -> Iterator[Chatwoot]:
    server = Chatwoot()
    yield server
    server.stop()


def name_of(desk: Desk) -> str:
    return "zammad" if isinstance(desk, Zammad) else "chatwoot"


def target_of(desk: Desk, place: str = "", token: str = "", answer_seconds: float = 5) -> Target:
    """Returns what delivers to a help desk; `place` is the group or the team."""
    if isinstance(desk, Zammad):
        return ZammadTarget(desk.url, token or zammad_server.TOKEN, place or "Users", answer_seconds)
    inbox = chatwoot_server.INBOX
    return ChatwootTarget(desk.url, token or chatwoot_server.TOKEN, inbox, 1, place, answer_seconds)


def settings_of(desk: Desk) -> dict[str, str]:
    if isinstance(desk, Zammad):
        return {"BOT_TICKETS_ZAMMAD_URL": desk.url, "BOT_TICKETS_ZAMMAD_TOKEN": zammad_server.TOKEN}
    return {
        "BOT_TICKETS_CHATWOOT_URL": desk.url,
        "BOT_TICKETS_CHATWOOT_TOKEN": chatwoot_server.TOKEN,
        "BOT_TICKETS_CHATWOOT_INBOX": str(chatwoot_server.INBOX),
    }


def worker(store: TicketStore, target: Target) -> Worker:
    return Worker(Outbox(store, 60), [target], IMPATIENT)


def same_as_example(name: str, there: Any, number: str, key: str = "") -> None:
    """Compares a ticket as it stands there with docs/examples; WRITE_EXAMPLES=1 writes it instead."""
    written = json.dumps(there, ensure_ascii=False, indent=2).replace(number, "T-10001-K7QX3M") + "\n"
    if key:
        written = written.replace(key, "00000000-0000-4000-8000-000000000000")
    if os.environ.get("WRITE_EXAMPLES"):
        (EXAMPLES / name).write_text(written, encoding="utf8")
    assert written == (EXAMPLES / name).read_text(encoding="utf8")


def test_zammad_gets_a_ticket_that_only_agents_can_read(database: str, zammad: Zammad) -> None:
    store = TicketStore(database, ["zammad"])
    ticket = store.open(a_draft())
    assert worker(store, target_of(zammad, "{queue}")).run_once() == {"delivered": 1}
    (there,) = zammad.tickets
    assert store.deliveries()[0].external_id == str(there["id"])
    assert there["title"] == f"[{ticket.number}] Kortet mitt ble avvist"
    assert (there["group"], there["priority"], there["state"]) == (ticket.queue, "3 high", "new")
    assert zammad.customers == {"kari.nordmann@example.com": there["customer_id"]}
    assert there["tags"] == list(ticket.tags)
    (article,) = there["articles"]
    assert (article["type"], article["internal"], article["content_type"]) == ("note", True, "text/plain")
    assert article["body"] == body(ticket)
    same_as_example("zammad-ticket.json", there, ticket.number)


def test_chatwoot_gets_a_conversation_that_only_agents_can_read(database: str, chatwoot: Chatwoot) -> None:
    store = TicketStore(database, ["chatwoot"])
    ticket = store.open(a_draft())
    assert worker(store, target_of(chatwoot, "{queue}")).run_once() == {"delivered": 1}
    (there,) = chatwoot.conversations
    assert store.deliveries()[0].external_id == str(there["id"])
    assert there["custom_attributes"]["ticket"] == ticket.number
    assert (there["status"], there["priority"], there["labels"]) == ("open", "urgent", sorted(ticket.tags))
    assert there["meta"]["team"]["name"] == ticket.queue
    assert there["meta"]["sender"]["email"] == "kari.nordmann@example.com"
    (note,) = there["messages"]
    assert note["private"] is True
    assert "kortet mitt ble avvist" in note["content"]
    same_as_example("chatwoot-conversation.json", there, ticket.number, there["contact_inbox"]["source_id"])


@pytest.mark.parametrize("contact", [None, "+47 22 00 00 00", "Kari <kari@example.com>\r\nBcc: all@example.com"])
def test_a_customer_without_an_address_gets_a_ticket_too(database: str, desk: Desk, contact: str | None) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft(contact_email=contact)).number
    assert worker(store, target_of(desk)).run_once() == {"delivered": 1}
    if isinstance(desk, Zammad):
        assert desk.tickets[0]["customer_id"] == zammad_server.BOT["id"]
    else:
        assert desk.contacts[0]["identifier"] == number


def test_tickets_of_one_customer_are_of_one_contact(database: str, chatwoot: Chatwoot) -> None:
    store = TicketStore(database, ["chatwoot"])
    chatwoot.contacts.append({"id": 9, "name": "x", "email": "not-kari.nordmann@example.com"})
    for form in ("1", "2"):
        store.open(a_draft(form_id=form))
    assert worker(store, target_of(chatwoot)).run_once() == {"delivered": 2}
    assert len(chatwoot.contacts) == 2
    assert len({each["contact_inbox"]["source_id"] for each in chatwoot.conversations}) == 2


def test_a_customers_words_are_no_markup_mentions_or_placeholders_in_chatwoot() -> None:
    said = "{{contact.email}} {% raw %} `a` [Ida](mention://user/1/Ida) *b* <img src=x> ~~c~~ &amp; \\"
    shown = as_markdown(f"[T-10001-K7QX3M] x\n# y\n  - z\n3. w\n{said}")
    assert "T-10001-K7QX3M" in shown  # is searched for
    assert r"\[Ida\](" in shown
    for active in ("{{", "{%", "mention://", "\n#", "\n3.", "\n  -"):
        assert active not in shown
    assert shown.replace("\\", "").replace("\u00a0", " ").startswith("[T-10001-K7QX3M] x\n# y\n  - z\n3. w\n{{contact")


def test_links_of_the_bot_stay_links_in_chatwoot() -> None:
    address = "https://learn.microsoft.com/azure/cost-management-billing/a_b?view=x&y=1#z"
    assert as_markdown(f"- See [it]: {address}", keeps_links=True) == rf"\- See \[it\]: {address}"


def test_a_very_long_ticket_is_cut_for_chatwoot(database: str, chatwoot: Chatwoot) -> None:
    store = TicketStore(database, ["chatwoot"])
    store.open(a_draft(summary="[" * 160_000))
    assert worker(store, target_of(chatwoot)).run_once() == {"delivered": 1}
    assert len(chatwoot.conversations[0]["messages"][0]["content"]) == 150_000


def test_a_second_delivery_does_no_harm(database: str, desk: Desk) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft()).number
    for _ in range(2):
        assert worker(store, target_of(desk)).run_once() == {"delivered": 1}
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET state = 'pending', external_id = NULL"))
    assert len(desk.find(number)) == 1


def test_what_was_broken_off_after_the_conversation_was_made_is_completed(database: str, chatwoot: Chatwoot) -> None:
    store = TicketStore(database, ["chatwoot"])
    ticket = store.open(a_draft())
    deliver = worker(store, target_of(chatwoot))
    routes = chatwoot.routes
    chatwoot.routes = {route: do for route, do in routes.items() if "labels" not in route}
    assert deliver.run_once()["delivered"] == 0
    chatwoot.conversations[0]["labels"] = ["an agent's own"]
    chatwoot.routes = routes
    store.retry(ticket.number)
    assert deliver.run_once() == {"delivered": 1}
    (there,) = chatwoot.conversations
    assert there["labels"] == sorted(["an agent's own", *ticket.tags])
    assert there["priority"] == "urgent"


@pytest.mark.parametrize(("place", "token", "reason"), [("Nowhere", "", "Nowhere"), ("", "wrong", "401")])
def test_what_a_help_desk_refuses_is_told_and_parked(
    database: str, desk: Desk, place: str, token: str, reason: str
) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft(signals=[])).number
    deliver = worker(store, target_of(desk, place, token))
    while store.deliveries()[0].state == "pending":
        assert deliver.run_once()["unavailable"] == 0
    assert reason in str(store.deliveries()[0].reason)
    assert desk.find(number) == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_help_desk_that_is_busy_is_waited_for_without_counting_refusals(
    database: str, desk: Desk, status: int
) -> None:
    store = TicketStore(database, [name_of(desk)])
    store.open(a_draft())
    deliver = worker(store, target_of(desk))
    desk.failing = status
    for _ in range(2 * IMPATIENT.refusals):
        assert deliver.run_once()["postponed"] == 0
    assert str(status) in str(store.deliveries()[0].reason)
    desk.failing = None
    while not deliver.run_once()["delivered"]:
        pass
    assert store.deliveries(undelivered=True) == []


def test_a_help_desk_that_is_down_is_waited_for(database: str, desk: Desk) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft()).number
    desk.stop()
    deliver = worker(store, target_of(desk))
    for _ in range(2 * IMPATIENT.refusals):
        deliver.run_once()
    assert "did not answer" in str(store.deliveries()[0].reason)
    desk.start()
    while not deliver.run_once()["delivered"]:
        pass
    assert len(desk.find(number)) == 1


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_ticket_that_may_have_arrived_waits_for_the_lease_and_is_not_made_twice(
    database: str, desk: Desk, stage: str
) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft()).number
    desk.hold = stage
    patient = RetryPolicy(first_seconds=0.001, longest_seconds=0.001, lease_seconds=60)
    impatient = Worker(Outbox(store, 60), [target_of(desk, answer_seconds=0.5)], patient)
    assert impatient.run_once() == {"unavailable": 1}
    assert impatient.run_once() == {}  # it waits
    desk.hold = None
    desk.gate.set()
    wait_until(lambda: len(desk.find(number)) == 1, "the ticket is made")
    with store.engine.begin() as connection:  # as if the lease had ended
        connection.execute(text("UPDATE outbox SET next_attempt_at = '2026-01-01 00:00:00'"))
    assert worker(store, target_of(desk)).run_once() == {"delivered": 1}
    assert [delivery.external_id for delivery in store.deliveries()] == desk.find(number)


def test_a_worker_killed_after_the_help_desk_made_the_ticket_makes_no_second_one(
    database: str, desk: Desk, deliver: Deliver
) -> None:
    store = TicketStore(database, [name_of(desk)])
    number = store.open(a_draft()).number
    desk.hold = "after"
    with deliver(database, answer=20, lease=60, **settings_of(desk)) as process:
        assert desk.held.wait(60)
        process.kill()
        process.wait()
    desk.hold = None
    desk.gate.set()
    assert len(desk.find(number)) == 1
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET leased_until = NULL"))
    with deliver(database, answer=20, lease=60, **settings_of(desk)):
        wait_until(lambda: not store.deliveries(undelivered=True), "everything is delivered", 120)
    assert [delivery.external_id for delivery in store.deliveries()] == desk.find(number)
