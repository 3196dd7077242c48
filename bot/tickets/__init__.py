"""Tickets: what a conversation hands over to people. The database is opened when it is first needed.

`open_ticket`, `status_for`, `statuses_in` and `record_correction` raise `TicketStoreError` where the store is down;
recordings for review (`record_outcomes`, `record_choice`, `record_fallback`, `record_search`) never stand in the way of
an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from bot.settings import get_settings
from bot.tickets.model import (
    ConversationOutcome,
    SearchEvent,
    Ticket,
    TicketDraft,
    TicketNotFound,
    TicketStatus,
    TicketStoreError,
    Utterance,
)
from bot.tickets.numbers import find_number

if TYPE_CHECKING:
    from bot.tickets.store import TicketStore

__all__ = [
    "SearchEvent",
    "Ticket",
    "TicketDraft",
    "TicketNotFound",
    "TicketStatus",
    "TicketStoreError",
    "Utterance",
    "find_number",
    "open_ticket",
    "record_choice",
    "record_correction",
    "record_fallback",
    "record_outcomes",
    "record_search",
    "status_for",
    "statuses_in",
    "ticket_store",
]
_OPENING = Lock()
logger = logging.getLogger(__name__)


def ticket_store() -> TicketStore:
    """Opens the store that the settings name, once in a process.

    Raises:
        TicketStoreError: the database cannot be used; the next call tries again.
    """
    with _OPENING:  # threads that come at once must not open one each
        return _store()


def open_ticket(draft: TicketDraft) -> Ticket:
    """Saves a ticket and what is to be delivered in one go; the same conversation and form give the same ticket."""
    return ticket_store().open(draft)


def status_for(number: str, conversation_id: str | None = None, email: str | None = None) -> TicketStatus | None:
    """Returns a ticket's status to its owner, None to everybody else; the caller limits the guesses.

    Args:
        number: as the customer types it; `find_number` finds it in a sentence.
        conversation_id: the conversation that asks; the one that opened the ticket needs no address.
        email: the address that the customer gives.
    """
    return ticket_store().status_for(number, conversation_id, email)


def statuses_in(conversation_id: str) -> list[TicketStatus]:
    """Returns the tickets that this conversation has opened, newest first."""
    return ticket_store().statuses_in(conversation_id)


def record_outcomes(outcomes: Sequence[ConversationOutcome]) -> None:
    """Records how conversations stand for issues; a later outcome takes the place of an earlier one."""
    with _without_disturbing():
        ticket_store().record_outcomes(outcomes)


def record_choice(text: str, language: str, shown: Sequence[str], chosen: str | None) -> None:
    """Records what a customer meant when the bot asked "A or B?"; None chosen means neither."""
    with _without_disturbing():
        ticket_store().record_choice(text, language, shown, chosen)


def record_fallback(text: str, language: str, ranking: Sequence[str] = ()) -> None:
    """Records what the bot did not understand, with its best guesses."""
    with _without_disturbing():
        ticket_store().record_fallback(text, language, ranking)


def record_search(event: SearchEvent) -> None:
    """Records that documents were offered for a question, that one was opened, that they helped or did not."""
    with _without_disturbing():
        ticket_store().record_search(event)


def record_correction(
    number: str, intent: str | None = None, language: str | None = None, text: str | None = None
) -> Ticket:
    """Records an agent's correction of a ticket; see `TicketStore.correct`."""
    return ticket_store().correct(number, intent, language, text)


@lru_cache(maxsize=1)
def _store() -> TicketStore:
    from bot.tickets.delivery import target_names
    from bot.tickets.store import TicketStore

    settings = get_settings()
    return TicketStore(settings.tickets_database.get_secret_value(), target_names(settings))


@contextmanager
def _without_disturbing() -> Iterator[None]:
    try:
        yield
    except TicketStoreError as error:
        logger.warning("not recorded for review: %s", error)
