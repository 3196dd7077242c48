"""Tickets that conversations hand over to people. The database is opened when it is first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from bot.settings import get_settings
from bot.tickets.model import TicketStoreError

if TYPE_CHECKING:
    from bot.tickets.store import TicketStore

_OPENING = Lock()
logger = logging.getLogger(__name__)


def ticket_store() -> TicketStore:
    """Opens the store that the settings name, once in a process.

    Raises:
        TicketStoreError: the database cannot be used; the next call tries again.
    """
    with _OPENING:  # threads that come at once must not open one each
        return _store()


def record(write: Callable[[TicketStore], None]) -> None:
    """Records something for review; a store that cannot be used is logged and never stands in the way of an answer.

    Args:
        write: calls a method of the store, such as `lambda store: store.record_fallback(text, language)`.
    """
    try:
        write(ticket_store())
    except TicketStoreError as error:
        logger.warning("not recorded for review: %s", error)


@lru_cache(maxsize=1)
def _store() -> TicketStore:
    from bot.tickets.delivery import target_names
    from bot.tickets.store import TicketStore

    settings = get_settings()
    return TicketStore(settings.tickets_database.get_secret_value(), target_names(settings))
