"""What becomes of tickets in a real Request Tracker comes back to whoever asks."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.articles.replies import Replies
from bot.tickets.delivery import request_tracker
from bot.tickets.delivery.request_tracker import RequestTrackerTarget
from bot.tickets.delivery.worker import OVERLAP, Follower, Outbox, RetryPolicy, Worker
from bot.tickets.model import TicketStoreError, now
from bot.tickets.status_reports import StatusReports, StatusSeen
from bot.tickets.store import TicketStore
from tests.actions.conftest import action_server
from tests.support.help_desks import RequestTracker
from tests.support.servers import wait_until
from tests.tickets.conftest import ROOT, Deliver, a_draft, tracker_settings

REPLIES = Replies()


@pytest.fixture
def store(tmp_path: Path) -> TicketStore:
    """A store whose tickets go to Request Tracker."""
    return TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}", ["request_tracker"])


@pytest.fixture
def each_store(database: str) -> TicketStore:
    """The same of each kind."""
    return TicketStore(database, ["request_tracker"])


def source(tracker: RequestTracker) -> RequestTrackerTarget:
    return RequestTrackerTarget(tracker.url, tracker.token, "Billing", 20)


def follower(store: TicketStore, tracker: RequestTracker) -> Follower:
    """Returns what a worker that has just started asks with."""
    return Follower(source(tracker), store)


def deliver(store: TicketStore, tracker: RequestTracker) -> dict[str, int]:
    """Delivers what waits for it, once; returns how many attempts ended in which way."""
    return Worker(Outbox(store, 60), [source(tracker)], RetryPolicy()).run_once()


def delivered(
    store: TicketStore, tracker: RequestTracker, count: int = 1, conversation: str = "conversation"
) -> list[tuple[str, str]]:
    """Opens tickets and delivers them; returns our number and Request Tracker's id of each."""
    for number in range(count):
        store.open(a_draft(conversation_id=conversation, form_id=f"form-{number}"))
    assert deliver(store, tracker) == {"delivered": count}
    return [(delivery.number, str(delivery.external_id)) for delivery in store.deliveries()]


def history(store: TicketStore, number: str) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.agent, each.field, each.before, each.after) for each in store.changes(number)]


def test_a_ticket_resolved_and_reopened_in_request_tracker_is_so_for_the_customer_who_asks(
    database: str, each_store: TicketStore, tracker: RequestTracker, tmp_path: Path
) -> None:
    ((number, identity),) = delivered(each_store, tracker, conversation="customer")
    opened = each_store.ticket(number).opened_at
    ask = follower(each_store, tracker)
    with action_server(tmp_path, database) as actions:

        def told() -> str:
            answer = actions.run("action_ticket_status", "ticket_status", language="en")
            return str(answer["responses"][0]["text"])

        def reply(state: str) -> str:
            date = f"{opened:%B} {opened.day}, {opened:%Y}"
            return REPLIES.dialogue(f"status_{state}", "en", number=number, date=date)

        tracker.edit(identity, Status="resolved")
        assert ask.ask() == 1
        assert told() == reply("closed")
        tracker.edit(identity, Status="open")
        assert ask.ask() == 1
        assert told() == reply("new")
    assert history(each_store, number) == [
        ("Request Tracker", "state", "new", "closed"),
        ("Request Tracker", "state", "closed", "new"),
    ]


@pytest.mark.parametrize(
    ("status", "state"), [("open", "new"), ("stalled", "new"), ("rejected", "closed"), ("deleted", "closed")]
)
def test_each_status_of_request_tracker_is_open_or_closed(
    store: TicketStore, tracker: RequestTracker, status: str, state: str
) -> None:
    ((number, identity),) = delivered(store, tracker)
    tracker.edit(identity, Status=status)
    follower(store, tracker).ask()
    assert store.ticket(number).state == state


def test_a_deleted_ticket_that_is_restored_is_open_again(store: TicketStore, tracker: RequestTracker) -> None:
    ((number, identity),) = delivered(store, tracker)
    ask = follower(store, tracker)
    tracker.edit(identity, Status="deleted")
    assert ask.ask() == 1
    tracker.edit(identity, Status="open")
    assert ask.ask() == 1
    assert store.ticket(number).state == "new"


def test_what_our_own_agents_do_stays_until_something_changes_there(
    store: TicketStore, tracker: RequestTracker
) -> None:
    ((number, identity),) = delivered(store, tracker)
    ask = follower(store, tracker)
    store.assign(number, "Kari")
    tracker.edit(identity, Status="resolved")
    assert ask.ask() == 1
    store.close(number, by="Kari")  # it is closed already
    store.reopen(number, by="Kari")
    assert ask.ask() == 0
    assert store.ticket(number).state == "assigned"
    tracker.edit(identity, Status="open")
    store.close(number, by="Kari")
    assert ask.ask() == 1
    assert (store.ticket(number).state, store.ticket(number).assignee) == ("assigned", "Kari")
    store.close(number, by="Kari")
    tracker.edit(identity, Status="stalled")  # open there before and after
    assert ask.ask() == 0
    assert store.ticket(number).state == "closed"
    assert [(agent, after) for agent, field, _, after in history(store, number) if field == "state"] == [
        ("command line", "assigned"),
        ("Request Tracker", "closed"),
        ("Kari", "assigned"),
        ("Kari", "closed"),
        ("Request Tracker", "assigned"),
        ("Kari", "closed"),
    ]


def test_many_tickets_come_by_pages(
    store: TicketStore, tracker: RequestTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_tracker, "_PAGE_ROWS", 2)
    ways = delivered(store, tracker, count=7)
    for _, identity in ways[:5]:
        tracker.edit(identity, Status="resolved")
    tracker.edit(ways[5][1], Status="deleted")
    tracker.edit(ways[6][1], Status="deleted")
    assert follower(store, tracker).ask() == 7
    assert {ticket.state for ticket in store.tickets()} == {"closed"}


def test_only_what_changed_since_the_mark_is_read(store: TicketStore, tracker: RequestTracker) -> None:
    (way,) = delivered(store, tracker)
    everything = {status.external_id: status for status in source(tracker).seen(None)}
    changed_at = everything[way[1]].at
    assert way[1] in {status.external_id for status in source(tracker).seen(changed_at)}
    assert source(tracker).seen(changed_at + timedelta(hours=1)) == []


def test_the_mark_is_kept_and_a_restarted_worker_misses_nothing(store: TicketStore, tracker: RequestTracker) -> None:
    ((number, identity),) = delivered(store, tracker)
    follower(store, tracker).ask()
    mark = StatusReports(store).mark("request_tracker")
    assert mark is not None
    assert mark == max(status.at for status in source(tracker).seen(None))
    tracker.edit(identity, Status="resolved")  # nobody asks meanwhile
    assert follower(store, tracker).ask() == 1
    assert store.ticket(number).state == "closed"


class Told:
    """A help desk that tells what it is given, and keeps since when it was asked."""

    name = "request_tracker"
    title = "Request Tracker"

    def __init__(self, *seen: StatusSeen) -> None:
        self._seen = seen
        self.since: list[datetime | None] = []

    def seen(self, since: datetime | None) -> Sequence[StatusSeen]:
        self.since.append(since)
        return self._seen


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_wrong_there_skips_nothing(store: TicketStore, hours: int) -> None:
    there = now() + timedelta(hours=hours)
    desk = Told(StatusSeen("1", None, False, there))
    ask = Follower(desk, store)
    before = now()
    ask.ask()
    ask.ask()
    assert desk.since[0] is None
    assert desk.since[1] is not None
    assert desk.since[1] <= there - OVERLAP
    assert desk.since[1] <= before + timedelta(minutes=1) - OVERLAP


def test_a_strangers_mail_with_our_number_closes_nothing(store: TicketStore, tracker: RequestTracker) -> None:
    ((number, _),) = delivered(store, tracker)
    tracker.edit(tracker.create(f"Re: [{number}] my card"), Status="resolved")
    assert follower(store, tracker).ask() == 0
    assert store.ticket(number).state == "new"


def test_a_ticket_whose_subject_was_changed_there_is_followed(store: TicketStore, tracker: RequestTracker) -> None:
    ((number, identity),) = delivered(store, tracker)
    tracker.edit(identity, Subject="Card of a customer", Status="resolved")
    assert follower(store, tracker).ask() == 1
    assert store.ticket(number).state == "closed"


def test_until_it_is_noted_what_a_ticket_is_called_there_no_number_in_a_mail_changes_it(
    store: TicketStore, tracker: RequestTracker
) -> None:
    ((number, identity),) = delivered(store, tracker)
    with store.engine.begin() as connection:  # as if killed right after Request Tracker had taken it
        connection.execute(text("UPDATE outbox SET state = 'pending', external_id = NULL"))
    tracker.edit(tracker.create(f"Re: [{number}] my card"), Status="resolved")
    tracker.edit(identity, Status="resolved")
    assert follower(store, tracker).ask() == 0
    assert store.ticket(number).state == "new"
    assert deliver(store, tracker) == {"delivered": 1}
    assert [delivery.external_id for delivery in store.deliveries()] == [identity]
    assert follower(store, tracker).ask() == 1
    assert store.ticket(number).state == "closed"


def test_a_strangers_mail_that_comes_first_is_not_taken_for_the_ticket(
    store: TicketStore, tracker: RequestTracker
) -> None:
    number = store.open(a_draft()).number
    strangers = tracker.create(f"Re: [{number}] my card")
    assert deliver(store, tracker) == {"delivered": 1}
    assert [delivery.external_id for delivery in store.deliveries()] == [
        found for found in tracker.find(number) if found != strangers
    ]


def test_what_a_failing_store_has_not_taken_in_is_taken_in_later_and_nothing_twice(
    store: TicketStore, tracker: RequestTracker
) -> None:
    ways = delivered(store, tracker, count=3)
    for _, identity in ways:
        tracker.edit(identity, Status="resolved")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON tickets WHEN OLD.id = 2 BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(TicketStoreError, match="disk full"):
        follower(store, tracker).ask()
    assert StatusReports(store).mark("request_tracker") is None
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    follower(store, tracker).ask()
    for number, _ in ways:
        assert history(store, number) == [("Request Tracker", "state", "new", "closed")]


def test_a_worker_killed_while_it_takes_statuses_in_leaves_the_rest_to_the_next_one(
    database: str, each_store: TicketStore, tracker: RequestTracker, deliver: Deliver
) -> None:
    ways = delivered(each_store, tracker, count=6)
    for _, identity in ways:
        tracker.edit(identity, Status="resolved")
    with deliver(database, answer=20, lease=60, **tracker_settings(tracker)) as worker:
        wait_until(lambda: each_store.tickets(state="closed"), "the first ticket is closed")
        worker.kill()
        worker.wait()
    with deliver(database, answer=20, lease=60, **tracker_settings(tracker)):
        wait_until(lambda: len(each_store.tickets(state="closed")) == len(ways), "all tickets are closed")
    for number, _ in ways:
        assert history(each_store, number) == [("Request Tracker", "state", "new", "closed")]


def test_request_tracker_that_is_down_is_told_once_and_loses_nothing(
    store: TicketStore, tracker: RequestTracker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ((number, identity),) = delivered(store, tracker)
    ask = follower(store, tracker)
    ask.ask()
    tracker.edit(identity, Status="resolved")
    tracker.stop()
    try:
        assert [ask.ask(), ask.ask(), ask.ask()] == [0, 0, 0]
    finally:
        tracker.start()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "ConnectionError" in warnings[0]
    assert "asked again every 60 s" in warnings[0]
    assert ask.ask() == 1
    assert store.ticket(number).state == "closed"
    assert "Request Tracker tells again what became of tickets" in caplog.messages


def test_a_token_that_is_refused_is_told_with_the_remedy(
    store: TicketStore, tracker: RequestTracker, caplog: pytest.LogCaptureFixture
) -> None:
    assert Follower(RequestTrackerTarget(tracker.url, "1-1-x", "Billing", 20), store).ask() == 0
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "401" in warning
    assert "BOT_TICKETS_RT_TOKEN" in warning


def test_an_address_that_is_not_request_trackers_is_not_blamed_on_the_token(
    store: TicketStore, tracker: RequestTracker, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = RequestTrackerTarget(f"{tracker.url.rstrip('/')}/REST/2.0/nowhere", tracker.token, "Billing", 20)
    assert Follower(elsewhere, store).ask() == 0
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "404" in warning
    assert "BOT_TICKETS_RT_TOKEN" not in warning


def test_two_workers_that_see_the_same_change_a_ticket_once(each_store: TicketStore, tracker: RequestTracker) -> None:
    ((number, identity),) = delivered(each_store, tracker)
    tracker.edit(identity, Status="resolved")
    seen = source(tracker).seen(None)
    first, second = StatusReports(each_store), StatusReports(TicketStore(each_store.engine.url.render_as_string(False)))
    assert first.take("request_tracker", "Request Tracker", seen) == [number]
    each_store.reopen(number)
    assert second.take("request_tracker", "Request Tracker", seen) == []
    assert each_store.ticket(number).state == "new"


def test_deliver_once_delivers_and_asks(store: TicketStore, tracker: RequestTracker) -> None:
    ((_, identity),) = delivered(store, tracker)
    tracker.edit(identity, Status="resolved")
    store.open(a_draft(form_id="another"))
    command = [sys.executable, "-m", "bot", "tickets", "deliver", "--once"]
    environment = {**os.environ, "BOT_TICKETS_DATABASE": str(store.engine.url), **tracker_settings(tracker)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 delivered, 1 changed"
