"""Asks help desks, again and again, what has become of the tickets that were delivered to them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.tickets.database import TicketDatabase
from bot.tickets.model import TicketStoreError, now
from bot.tickets.status_reports import StatusReports, StatusSeen

logger = logging.getLogger(__name__)
POLL_SECONDS = 60
# What was changed may be seen later than what was changed after it: help desks write at once what takes them seconds,
# and their servers' clocks differ.
OVERLAP = timedelta(minutes=10)


class StatusError(RuntimeError):
    """A help desk does not tell what became of tickets; the message says what was seen."""


class StatusSource(Protocol):
    """A help desk that can be asked what became of tickets.

    Attributes:
        name: of its target, as in the outbox.
        title: its name in the history of a ticket.
    """

    name: str
    title: str

    def seen(self, since: datetime | None) -> Sequence[StatusSeen]:
        """Returns the tickets that were changed there.

        Args:
            since: by the help desk's clock; None for all tickets.

        Raises:
            StatusError: it does not answer, or not what it should.
        """


class Follower:
    """Takes in what has become of tickets at one help desk.

    The mark, the moment up to which it has asked, is kept in the store: after a restart it goes on where it was. It is
    the help desk's own time, or ours where the help desk's clock is ahead. What is seen twice changes nothing.

    Args:
        source: the help desk.
        database: the ticket database.
    """

    def __init__(self, source: StatusSource, database: TicketDatabase) -> None:
        self._source = source
        self._reports = StatusReports(database)
        self._is_down = False

    def run(self, stopped: threading.Event) -> None:
        """Asks every minute until the event is set."""
        while not stopped.is_set():
            try:
                self.ask()
            except TicketStoreError as error:
                logger.warning("%s", error)
            except Exception:  # the thread must not end while the process goes on
                logger.exception("what became of tickets at %s", self._source.title)
            stopped.wait(POLL_SECONDS)

    def ask(self) -> int:
        """Asks once; a help desk that is down is told in the log once, until it answers again.

        Returns:
            How many tickets were closed or opened again.

        Raises:
            TicketStoreError: the store cannot be used; what was seen is asked for again.
        """
        name, title = self._source.name, self._source.title
        mark, begun = self._reports.mark(name), now()
        try:
            seen = self._source.seen(mark and mark - OVERLAP)
        except StatusError as error:
            if not self._is_down:
                logger.warning("what became of tickets is asked again every %d s: %s", POLL_SECONDS, error)
            self._is_down = True
            return 0
        if self._is_down:
            logger.info("%s tells again what became of tickets", title)
        self._is_down = False
        changed = self._reports.take(name, title, seen)
        for number in changed:
            logger.info("ticket %s was closed or opened again in %s", number, title)
        if seen:
            # A help desk whose clock was ahead for a while must not have us miss what follows.
            self._reports.set_mark(name, min(begun, max(status.at for status in seen)))
        return len(changed)
