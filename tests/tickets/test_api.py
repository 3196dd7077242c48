"""The functions that dialogues call."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot import tickets
from bot.settings import get_settings
from bot.tickets.model import ConversationOutcome, TicketStoreError
from tests.tickets.conftest import a_draft


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings name a new database; its file."""
    file = tmp_path / "var" / "tickets.db"
    monkeypatch.setenv("BOT_TICKETS_DATABASE", f"sqlite:///{file}")
    monkeypatch.setenv("BOT_TICKETS_SMTP_URL", "smtp://127.0.0.1:9")
    get_settings.cache_clear()
    tickets._store.cache_clear()
    yield file
    get_settings.cache_clear()
    tickets._store.cache_clear()


def test_a_conversation_opens_a_ticket_asks_for_it_and_is_recorded(api: Path) -> None:
    ticket = tickets.ticket_store().open(a_draft())
    status = tickets.ticket_store().status_for(ticket.number, "another conversation", "kari.nordmann@example.com")
    assert status == tickets.ticket_store().statuses_in("conversation-1")[0]
    assert tickets.ticket_store().status_for(ticket.number, "another conversation") is None
    tickets.record(
        lambda store: store.record_outcomes(
            [ConversationOutcome("conversation-1", "handed_over", "card_declined", "nb", "azure", 0.8)]
        )
    )
    tickets.record(lambda store: store.record_choice("kortet", "nb", ["card_declined", "pay_invoice"], "card_declined"))
    tickets.record(lambda store: store.record_fallback("xyzzy", "nb"))
    tickets.ticket_store().correct(ticket.number, intent="pay_invoice")
    store = tickets.ticket_store()
    assert [row["outcome"] for row in store.outcomes()] == ["handed_over"]
    assert [row["kind"] for row in store.candidates()] == ["choice", "fallback", "correction"]
    assert [delivery.target for delivery in store.deliveries()] == ["email"]


def test_the_first_hand_offs_of_a_process_may_come_at_once(api: Path) -> None:
    drafts = [a_draft(conversation_id=f"conversation-{number}") for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        numbers = {ticket.number for ticket in pool.map(lambda draft: tickets.ticket_store().open(draft), drafts)}
        assert len(set(pool.map(lambda _: id(tickets.ticket_store()), range(50)))) == 1
    assert len(numbers) == 50


def test_a_store_that_is_down_stops_hand_offs_but_no_answers(api: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.parent.touch()  # a file where the folder should be
    with pytest.raises(TicketStoreError):
        tickets.ticket_store().open(a_draft())
    tickets.record(
        lambda store: store.record_outcomes(
            [ConversationOutcome("conversation-1", "solved", "card_declined", "nb", None, 0.8)]
        )
    )
    tickets.record(lambda store: store.record_choice("kortet", "nb", ["card_declined"], None))
    assert "not recorded for review" in caplog.text
    api.parent.unlink()
    assert tickets.ticket_store().open(a_draft()).number  # it is tried anew


def test_an_outcome_that_does_not_exist_is_an_error_of_the_caller(api: Path) -> None:
    outcome = ConversationOutcome("conversation-1", "happy", None, "nb", None, 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no outcome"):
        tickets.record(lambda store: store.record_outcomes([outcome]))
