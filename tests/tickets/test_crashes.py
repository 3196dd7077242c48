"""kill -9 at each stage of saving and of sending: one ticket, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.handoffs.faults import run_faults
from bot.tickets.store import TicketStore
from tests.support.desks import MailDesk, RequestTrackerDesk, WebhookDesk
from tests.support.help_desks import HoldingProxy, MailServer, RequestTracker, WebhookReceiver
from tests.support.servers import PostgresServer, wait_until
from tests.tickets.conftest import ROOT, Deliver, a_draft, mail_settings, tracker_settings, webhook_settings

SAVE = """
import sys
from bot.tickets import ticket_store
from benchmarks.handoffs.hand_over import draft
for number in range(int(sys.argv[1])):
    print(ticket_store().open(draft(number)).number, flush=True)
"""


def saving(database: str, count: int) -> subprocess.Popen[str]:
    """Starts a process that opens tickets one after the other, and prints each number once it is saved."""
    environment = {
        **os.environ,
        "BOT_TICKETS_DATABASE": database,
        "BOT_TICKETS_WEBHOOK_URL": "http://127.0.0.1:9/",
        "BOT_TICKETS_WEBHOOK_SECRET": "a secret that both sides know",
    }
    command = [sys.executable, "-c", SAVE, str(count)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def everything_delivered(store: TicketStore) -> None:
    wait_until(lambda: not store.deliveries(undelivered=True), "everything is delivered", 120)


def test_a_process_killed_while_saving_leaves_no_half_ticket_and_loses_none_that_was_told(database: str) -> None:
    store = TicketStore(database)
    chance = random.Random(5)
    told: set[str] = set()
    for _ in range(6):
        process = saving(database, 400)
        assert process.stdout is not None
        told.add(process.stdout.readline().strip())  # it is saving now
        time.sleep(chance.uniform(0, 0.1))  # killed at any moment, not at one that we choose
        process.kill()
        told.update(process.stdout.read().split())
        process.wait()
    kept = [ticket.number for ticket in store.tickets()]
    assert told <= set(kept)
    assert [delivery.number for delivery in store.deliveries()] == kept
    assert len({ticket.conversation_id for ticket in store.tickets()}) == len(kept)


def test_a_process_killed_between_ticket_and_outbox_leaves_neither(postgres: PostgresServer) -> None:
    database = postgres.database()
    store = TicketStore(database)
    with store.engine.connect() as connection:
        connection.execute(
            text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        )  # the ticket's row goes in, then it waits
        process = saving(database, 1)
        with store.engine.connect() as watching:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            wait_until(lambda: watching.execute(waiting).scalar(), "the outbox is waited for")
        process.kill()
        process.wait()
    wait_until(lambda: store.tickets() == [], "nothing is left")
    again = saving(database, 1)
    assert again.wait(timeout=60) == 0
    assert len(store.tickets()) == len(store.deliveries()) == 1


def test_a_worker_killed_after_the_webhook_took_the_ticket_sends_it_again_under_the_same_key(
    database: str, receiver: WebhookReceiver, deliver: Deliver
) -> None:
    store = TicketStore(database, ["webhook"])
    number = store.open(a_draft()).number
    receiver.gate.clear()
    with deliver(database, answer=20, lease=60, **webhook_settings(receiver)) as worker:
        assert receiver.seen.wait(60)
        worker.kill()
        worker.wait()
    receiver.gate.set()
    with store.engine.begin() as connection:  # as if the lease had ended
        connection.execute(text("UPDATE outbox SET leased_until = NULL"))
    with deliver(database, **webhook_settings(receiver)):
        everything_delivered(store)
    assert receiver.requests == 2
    assert [posted["ticket"]["number"] for posted in receiver.tickets.values()] == [number]


def test_a_worker_killed_after_the_mail_server_took_the_ticket_sends_it_again_under_the_same_message_id(
    database: str, mail: MailServer, deliver: Deliver
) -> None:
    store = TicketStore(database, ["email"])
    store.open(a_draft())
    mail.gate.clear()
    with deliver(database, answer=20, lease=60, **mail_settings(mail)) as worker:
        assert mail.seen.wait(60)
        worker.kill()
        worker.wait()
    mail.gate.set()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET leased_until = NULL"))
    with deliver(database, **mail_settings(mail)):
        everything_delivered(store)
    assert len(mail.messages) == 2
    assert len({message["Message-ID"] for message in mail.messages}) == 1


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_worker_killed_before_or_after_request_tracker_made_the_ticket_makes_one(
    database: str, tracker: RequestTracker, proxy: HoldingProxy, deliver: Deliver, stage: str
) -> None:
    """`before`: Request Tracker makes it although nobody waits for the answer any more; `after`: it has made it."""
    store = TicketStore(database, ["request_tracker"])
    number = store.open(a_draft()).number
    proxy.hold = stage
    with deliver(database, answer=20, lease=60, **tracker_settings(tracker, proxy.url)) as worker:
        assert proxy.held.wait(60)
        worker.kill()
        worker.wait()
    proxy.hold = None
    proxy.gate.set()
    wait_until(lambda: len(tracker.find(number)) == 1, "Request Tracker has made the ticket")
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET leased_until = NULL"))
    with deliver(database, answer=20, lease=60, **tracker_settings(tracker)):
        everything_delivered(store)
    assert [delivery.external_id for delivery in store.deliveries()] == tracker.find(number)


def test_what_a_killed_worker_had_in_hand_waits_for_the_end_of_its_lease(
    database: str, receiver: WebhookReceiver, deliver: Deliver
) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    receiver.gate.clear()
    with deliver(database, answer=1, lease=3, **webhook_settings(receiver)) as worker:
        assert receiver.seen.wait(60)
        worker.kill()
        worker.wait()
    receiver.gate.set()
    with deliver(database, answer=1, lease=3, **webhook_settings(receiver)):
        everything_delivered(store)
    assert len(receiver.tickets) == 1


def test_two_workers_deliver_each_ticket_once(database: str, mail: MailServer, deliver: Deliver) -> None:
    store = TicketStore(database, ["email"])
    numbers = {store.open(a_draft(form_id=str(number))).number for number in range(30)}
    settings = {"answer": 20, "lease": 60, **mail_settings(mail)}
    with deliver(database, **settings), deliver(database, **settings):
        everything_delivered(store)
    assert len(mail.messages) == len(numbers)


def test_a_worker_that_is_asked_to_stop_finishes_what_it_has_in_hand(
    database: str, receiver: WebhookReceiver, deliver: Deliver
) -> None:
    store = TicketStore(database, ["webhook"])
    store.open(a_draft())
    receiver.gate.clear()
    with deliver(database, answer=20, lease=60, **webhook_settings(receiver)) as worker:
        assert receiver.seen.wait(60)
        worker.terminate()
        receiver.gate.set()
        assert worker.wait(timeout=60) == 0
    assert store.deliveries(undelivered=True) == []


@pytest.mark.parametrize("desk", [WebhookDesk, MailDesk])
def test_of_200_hand_offs_at_once_every_ticket_arrives_once_in_spite_of_faults(
    database: str, desk: type[WebhookDesk] | type[MailDesk], tmp_path: Path
) -> None:
    there = desk()
    try:
        result = run_faults(database, there, 200, tmp_path / "workers.log")
    finally:
        there.down()
    assert (result.tickets, result.once, result.missing, result.twice) == (200, 200, 0, 0)


@pytest.mark.full
def test_of_200_hand_offs_at_once_request_tracker_gets_every_ticket_once(
    database: str, tracker: RequestTracker, tmp_path: Path
) -> None:
    result = run_faults(database, RequestTrackerDesk(tracker), 200, tmp_path / "workers.log")
    assert (result.tickets, result.once, result.missing, result.twice) == (200, 200, 0, 0)
