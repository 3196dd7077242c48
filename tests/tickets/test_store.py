"""The ticket store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.tickets.model import ConversationOutcome, TicketNotFound, TicketStoreError, Utterance
from bot.tickets.numbers import find_number
from bot.tickets.store import TicketStore
from bot.tickets.tables import CANDIDATES, METADATA, OUTBOX, OUTCOMES, TICKETS
from tests.support.servers import PostgresServer
from tests.tickets.conftest import ROOT, a_draft

CARD = "4111 1111 1111 1111"


def test_a_ticket_is_kept_as_it_was_handed_over(store: TicketStore) -> None:
    ticket = store.open(a_draft())
    assert store.ticket(ticket.number) == ticket
    assert re.fullmatch(r"T-10001-[0-9A-HJKMNP-TV-Z]{6}", ticket.number)
    assert (ticket.queue, ticket.priority, ticket.state) == ("payments", "urgent", "new")
    assert ticket.priority_reasons == (("card_declined", "high"), ("deadline", "urgent"))
    assert ticket.tags == ["intent__card_declined", "language__nb", "product__azure", "priority__urgent"]
    assert ticket.runners_up == (("past_due_balance", 0.09), ("payment_not_registered", 0.04))
    assert ticket.entities == (("invoice_number", "E0500ABCDE"), ("amount", "129 EUR"))
    assert ticket.sentiment == ("negative", 0.71)
    assert ticket.transcript[0] == Utterance("customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00")


def test_the_same_form_of_the_same_conversation_gives_the_same_ticket(store: TicketStore) -> None:
    first = store.open(a_draft())
    assert store.open(a_draft(summary="sent twice")) == first
    assert store.open(a_draft(form_id="form-2")).number != first.number
    assert store.open(a_draft(conversation_id="conversation-2")).number != first.number


def test_a_form_sent_many_times_at_once_gives_one_ticket(store: TicketStore) -> None:
    with ThreadPoolExecutor(20) as pool:
        numbers = {ticket.number for ticket in pool.map(store.open, [a_draft()] * 40)}
    assert len(numbers) == 1
    assert len(store.tickets()) == 1


def test_a_ticket_is_saved_with_what_is_to_be_delivered(database: str) -> None:
    store = TicketStore(database, ["email", "webhook"])
    ticket = store.open(a_draft())
    assert [(delivery.target, delivery.state) for delivery in store.deliveries(ticket.number)] == [
        ("email", "pending"),
        ("webhook", "pending"),
    ]


def test_card_numbers_are_hidden_everywhere(store: TicketStore) -> None:
    draft = a_draft(
        summary=f"{CARD} virker ikke",
        steps_tried=[f"prøvd {CARD}"],
        entities=[("amount", CARD)],
        transcript=[Utterance("customer", f"kortet er {CARD}")],
    )
    kept = store.open(draft)
    assert "1111 1111" not in repr(kept)
    assert repr(kept).count("••••1111") == 4


def test_without_consent_neither_transcript_nor_entities_are_kept(store: TicketStore) -> None:
    kept = store.open(a_draft(consent=False))
    assert (kept.transcript, kept.entities) == ((), ())
    assert kept.summary == "Kortet mitt ble avvist"


def test_a_telephone_number_is_kept_without_consent_for_the_customer_waits_for_a_call(store: TicketStore) -> None:
    entities = [("amount", "129 EUR"), ("phone", "+1 555 010 0199")]
    kept = store.open(a_draft(consent=False, contact_email=None, entities=entities))
    assert kept.entities == (("phone", "+1 555 010 0199"),)
    assert kept.contact == "+1 555 010 0199"


def test_characters_that_steer_a_terminal_are_not_kept(store: TicketStore) -> None:
    kept = store.open(a_draft(summary="\x1b[2Jvirker\x00 ikke\nikke i det hele tatt"))
    assert kept.summary == " [2Jvirker  ikke\nikke i det hele tatt"


def test_a_status_is_told_in_the_conversation_that_made_the_ticket(store: TicketStore) -> None:
    ticket = store.open(a_draft())
    status = store.status_for(ticket.number, conversation_id="conversation-1")
    assert status is not None
    assert (status.number, status.state, status.opened_at) == (ticket.number, "new", ticket.opened_at)
    assert [found.number for found in store.statuses_in("conversation-1")] == [ticket.number]
    assert store.statuses_in("conversation-2") == []


def test_a_status_is_told_to_whoever_knows_number_and_address(store: TicketStore) -> None:
    number = store.open(a_draft()).number
    for typed in (number, number.lower(), number.replace("-", " "), f"  {number} "):
        assert store.status_for(typed, "another", " kari.nordmann@EXAMPLE.com ") is not None


@pytest.mark.parametrize(
    ("number", "email"),
    [
        ("{number}", None),
        ("{number}", ""),
        ("{number}", "someone.else@example.com"),
        ("T-10001-000000", "Kari.Nordmann@example.com"),
        ("T-99999-000000", "Kari.Nordmann@example.com"),
        ("T-10001-", "Kari.Nordmann@example.com"),
        ("nonsense", "Kari.Nordmann@example.com"),
        ("", ""),
    ],
)
def test_strangers_are_told_nothing(store: TicketStore, number: str, email: str | None) -> None:
    mine = store.open(a_draft()).number
    assert store.status_for(number.format(number=mine), "another", email) is None
    assert store.status_for(number.format(number=mine), None, email) is None


def test_a_ticket_without_an_address_is_told_in_its_conversation_only(store: TicketStore) -> None:
    number = store.open(a_draft(contact_email=None)).number
    for email in (None, "", "None", "kari.nordmann@example.com"):
        assert store.status_for(number, "another", email) is None
    assert store.status_for(number, "conversation-1") is not None


def test_a_number_is_found_in_a_sentence(store: TicketStore) -> None:
    number = store.open(a_draft()).number
    found = find_number(f"Hva skjer med {number.lower()}?")
    assert found is not None
    assert store.status_for(found, "conversation-1") is not None
    assert find_number("I have 48210 questions and a T-shirt") is None


def test_agents_assign_close_and_reopen(store: TicketStore) -> None:
    number = store.open(a_draft()).number
    assert (store.assign(number, "Ida").state, store.ticket(number).assignee) == ("assigned", "Ida")
    closed = store.close(number)
    assert closed.state == "closed"
    assert closed.updated_at > closed.opened_at
    reopened = store.reopen(number)
    assert (reopened.state, reopened.assignee) == ("assigned", "Ida")


def test_a_ticket_that_is_not_there_is_said_not_to_be(store: TicketStore) -> None:
    number = store.open(a_draft()).number
    wrong_code = number[:-6] + ("000000" if not number.endswith("000000") else "111111")
    for wrong in ("T-99999-AAAAAA", "nonsense", wrong_code):
        with pytest.raises(TicketNotFound, match="there is no ticket"):
            store.close(wrong)


def test_a_correction_moves_the_ticket_and_becomes_a_candidate(store: TicketStore) -> None:
    number = store.open(a_draft()).number
    corrected = store.correct(number, intent="refund_request")
    assert (corrected.intent, corrected.queue, corrected.priority) == ("refund_request", "billing", "high")
    assert "intent__refund_request" in corrected.tags
    (candidate,) = store.candidates()
    assert (candidate["kind"], candidate["text"], candidate["language"], candidate["intent"], candidate["shown"]) == (
        "correction",
        "kortet mitt ble avvist",
        "nb",
        "refund_request",
        ["card_declined"],
    )


def test_the_last_outcome_of_a_conversation_counts(store: TicketStore) -> None:
    store.record_outcomes([ConversationOutcome("conversation-1", "not_solved", "card_declined", "nb", "azure", 0.8)])
    store.record_outcomes(
        [
            ConversationOutcome("conversation-1", "abandoned", "card_declined", "nb", "azure", 0.8),
            ConversationOutcome("conversation-1", "solved", "pay_invoice", "nb", None, 0.9),
            ConversationOutcome("conversation-1", "handed_over", "card_declined", "nb", "azure", 0.8),
            ConversationOutcome("conversation-2", "abandoned", None, "sv", None, 0.1),
        ]
    )
    store.record_outcomes([])
    late = datetime(2026, 1, 1, tzinfo=timezone.utc)  # another server's, which was made before and comes behind
    store.record_outcomes([ConversationOutcome("conversation-2", "solved", None, "sv", None, 0.1, late)])
    found = [(row["conversation_id"], row["intent"], row["outcome"]) for row in store.outcomes()]
    assert found == [
        ("conversation-1", "card_declined", "handed_over"),
        ("conversation-1", "pay_invoice", "solved"),
        ("conversation-2", "", "abandoned"),
    ]


def test_tickets_are_filtered(store: TicketStore) -> None:
    first = store.open(a_draft())
    second = store.open(a_draft(form_id="2", intent="download_invoice", language="sv"))
    store.close(second.number)
    everything = [first.number, second.number]
    assert [ticket.number for ticket in store.tickets()] == everything
    for wanted in ({"queue": "billing"}, {"language": "sv"}, {"intent": "download_invoice"}, {"state": "closed"}):
        assert [ticket.number for ticket in store.tickets(**wanted)] == [second.number]


def test_one_outcome_that_is_refused_costs_no_other_one(postgres: PostgresServer) -> None:
    store = TicketStore(postgres.database())
    names = ["first", "x" * 256, "with a zero \0 byte", "last"]
    with pytest.raises(TicketStoreError, match="2 of 4 outcomes"):
        store.record_outcomes([ConversationOutcome(name, "solved", None, "nb", None, 0.9) for name in names])
    assert [row["conversation_id"] for row in store.outcomes()] == ["first", "last"]


def test_servers_that_record_the_same_outcomes_do_not_wait_for_each_other_crosswise(database: str) -> None:
    first, second = TicketStore(database), TicketStore(database)
    outcomes = [ConversationOutcome(f"conversation-{number}", "solved", None, "nb", None, 0.9) for number in range(20)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(15):
            done = [pool.submit(first.record_outcomes, outcomes), pool.submit(second.record_outcomes, outcomes[::-1])]
            assert [one.result() for one in done] == [None, None]
    assert len(first.outcomes()) == len(outcomes)


def test_the_migrations_make_the_tables_that_the_code_uses(store: TicketStore) -> None:
    # SQLite keeps texts of any length, so no migration changes it there.
    typed = store.engine.dialect.name != "sqlite"
    own = {"include_name": lambda name, kind, parents: name != "sqlite_sequence", "compare_type": typed}
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=own), METADATA) == []


def test_a_database_of_the_first_release_is_brought_up_to_date_with_its_tickets(store: TicketStore) -> None:
    ticket = store.open(a_draft())
    with store.engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table not in (TICKETS, OUTBOX, OUTCOMES, CANDIDATES):
                table.drop(connection)
        connection.exec_driver_sql("DROP INDEX ix_tickets_updated_at")
        connection.exec_driver_sql("DROP INDEX ix_outbox_external_id")
        connection.exec_driver_sql("ALTER TABLE outbox DROP COLUMN closed_there")
        connection.exec_driver_sql("ALTER TABLE outbox DROP COLUMN changed_there")
        connection.exec_driver_sql("ALTER TABLE candidates DROP COLUMN ranking")
        if connection.dialect.name == "postgresql":
            for table in ("tickets", "outcomes"):
                connection.exec_driver_sql(f"ALTER TABLE {table} ALTER conversation_id TYPE varchar(200)")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    store.migrate()
    test_the_migrations_make_the_tables_that_the_code_uses(store)
    assert store.ticket(ticket.number) == ticket
    store.migrate()  # does nothing
    assert store.ticket(ticket.number) == ticket


def test_processes_that_start_at_once_migrate_once(database: str) -> None:
    command = [sys.executable, "-m", "bot", "tickets", "migrate"]
    environment = {**os.environ, "BOT_TICKETS_DATABASE": database}
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1].decode() for process in processes] == [""] * 4
    assert TicketStore(database).tickets() == []


def test_numbers_of_deleted_tickets_do_not_come_back(store: TicketStore) -> None:
    first = store.open(a_draft())
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tickets")
    assert store.open(a_draft()).id > first.id


def test_a_store_that_is_down_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(TicketStoreError) as told:
        TicketStore(f"postgresql://bot:geheim@/nowhere?host={tmp_path}")
    assert "geheim" not in str(told.value)
    (tmp_path / "file").touch()
    with pytest.raises(TicketStoreError, match="BOT_TICKETS_DATABASE"):
        TicketStore(f"sqlite:///{tmp_path / 'file' / 'tickets.db'}")


def test_the_store_comes_back_by_itself_after_postgresql_was_restarted(postgres: PostgresServer) -> None:
    store = TicketStore(postgres.database())
    number = store.open(a_draft()).number
    postgres.stop()
    with pytest.raises(TicketStoreError):
        store.open(a_draft(form_id="2"))
    postgres.start()
    assert store.open(a_draft()).number == number


def test_the_api_costs_no_database_until_it_is_used() -> None:
    late = ("sqlalchemy", "alembic", "requests")
    code = f"import sys, bot.tickets; print([name for name in sys.modules if name in {late}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
