"""Takes what help desks tell of tickets into the store: closed there is closed here, opened again is open again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from bot.tickets import numbers
from bot.tickets.database import TicketDatabase
from bot.tickets.handling import row_of, set_closed
from bot.tickets.model import now
from bot.tickets.tables import OUTBOX, STATUS_MARKS, STATUS_REPORTS, TICKET_CHANGES, TICKETS

CLOSES = {"open": False, "pending": False, "answered": False, "closed": True}
"""Status of a message -> whether the ticket is closed by it."""
HELP_DESK = "help desk"
STATUS_THERE = "status_there"
"""Field of the ticket's history that has the word of the other help desk."""
# Longer than anyone sends a message again.
_IDS_KEPT = timedelta(days=30)
# Databases take only so many parameters in one statement.
_AT_ONCE = 200


@dataclass(frozen=True)
class StatusSeen:
    """Status of one ticket as a help desk has it.

    Args:
        external_id: what the help desk calls the ticket.
        number: our number in its subject, None if there is none.
        is_closed: whether it is closed there.
        at: when it last changed there, by the help desk's clock.
    """

    external_id: str
    number: str | None
    is_closed: bool
    at: datetime


class StatusReports:
    """Statuses that come back from help desks.

    Args:
        database: the ticket database.
    """

    def __init__(self, database: TicketDatabase) -> None:
        self._database = database

    def take_message(self, delivery_id: str, number: str, status: str) -> bool:
        """Takes in a message of a help desk; one that comes again does nothing.

        Args:
            delivery_id: of the message.
            number: the ticket.
            status: one of `CLOSES`.

        Returns:
            False where it was taken in before.

        Raises:
            TicketNotFound: there is no such ticket; the message is not kept.
        """
        with self._database.writing() as connection:
            ticket = row_of(connection, number)
            if connection.execute(select(STATUS_REPORTS).where(STATUS_REPORTS.c.delivery_id == delivery_id)).first():
                return False
            connection.execute(delete(STATUS_REPORTS).where(STATUS_REPORTS.c.at < now() - _IDS_KEPT))
            connection.execute(insert(STATUS_REPORTS).values(delivery_id=delivery_id))
            told = {"ticket_id": ticket.id, "agent": HELP_DESK, "field": STATUS_THERE, "after": status}
            connection.execute(insert(TICKET_CHANGES).values(**told))
            set_closed(connection, ticket, HELP_DESK, CLOSES[status])
        return True

    def mark(self, target: str) -> datetime | None:
        """Returns up to when, by a help desk's clock, everything was taken in; None if nothing was."""
        rows = self._database.rows(select(STATUS_MARKS.c.until).where(STATUS_MARKS.c.target == target))
        return rows[0].until if rows else None

    def set_mark(self, target: str, until: datetime) -> None:
        """Notes that everything up to a moment was taken in."""
        mine = STATUS_MARKS.c.target == target
        with self._database.writing() as connection:
            if not connection.execute(update(STATUS_MARKS).where(mine).values(until=until)).rowcount:
                connection.execute(insert(STATUS_MARKS).values(target=target, until=until))

    def take(self, target: str, by: str, seen: Sequence[StatusSeen]) -> list[str]:
        """Closes what was closed at a help desk since it was last seen, and opens again what was opened there.

        Only a change there changes anything here: what our own agents do afterwards stays, however often it is seen. A
        ticket is known by what it was called when it was delivered: anybody can write our number into a mail.

        Args:
            target: the help desk, as in the outbox.
            by: its name in the history.
            seen: what it told.

        Returns:
            The numbers of the tickets that were changed here.
        """
        changed = []
        for delivery, status in self._deliveries(target, seen):
            if status.is_closed != delivery.closed_there:
                with self._database.writing() as connection:
                    if _apply(connection, delivery, by, status):
                        changed.append(numbers.write(delivery.ticket_id, delivery.code))
        return changed

    def take_pushed(self, target: str, by: str, status: StatusSeen) -> bool:
        """Takes in one message of a help desk as `take` does, unless one that is as new was taken in before.

        Messages come late and again, so the time of each is kept.

        Args:
            target: the help desk, as in the outbox.
            by: its name in the history.
            status: what it told.

        Returns:
            Whether the ticket was changed here.
        """
        changed = False
        for delivery, _ in self._deliveries(target, [status]):
            with self._database.writing() as connection:
                changed |= _apply(connection, delivery, by, status, in_order=True)
        return changed

    def _deliveries(self, target: str, seen: Sequence[StatusSeen]) -> Iterator[tuple[Row, StatusSeen]]:
        """Yields the deliveries that statuses are of, each with its status."""
        columns = (OUTBOX.c.id, OUTBOX.c.ticket_id, OUTBOX.c.external_id, OUTBOX.c.closed_there, TICKETS.c.code)
        for start in range(0, len(seen), _AT_ONCE):
            some = seen[start : start + _AT_ONCE]
            by_id = {status.external_id: status for status in some}
            mine = (OUTBOX.c.target == target) & OUTBOX.c.external_id.in_(by_id)
            for delivery in self._database.rows(select(*columns).join(TICKETS).where(mine)):
                status = by_id[delivery.external_id]
                if _is_about(status, delivery):
                    yield delivery, status


def _apply(connection: Connection, delivery: Row, by: str, status: StatusSeen, in_order: bool = False) -> bool:
    """Closes or opens a ticket where its help desk did; returns whether it was changed.

    Args:
        connection: a transaction.
        delivery: of the ticket to the help desk.
        by: the help desk's name in the history.
        status: of the ticket there.
        in_order: whether a status that is older than the one before, or as old, counts for nothing.
    """
    ticket = connection.execute(select(TICKETS).where(TICKETS.c.id == delivery.ticket_id).with_for_update()).first()
    mine = OUTBOX.c.id == delivery.id
    if in_order:
        is_new = or_(OUTBOX.c.changed_there.is_(None), OUTBOX.c.changed_there < status.at)
        if not connection.execute(update(OUTBOX).where(mine, is_new).values(changed_there=status.at)).rowcount:
            return False
    stale = mine & (OUTBOX.c.closed_there != status.is_closed)
    noted = connection.execute(update(OUTBOX).where(stale).values(closed_there=status.is_closed)).rowcount
    # Another process may have seen the same, or the ticket may have been erased.
    return bool(ticket and noted and set_closed(connection, ticket, by, status.is_closed))


def _is_about(status: StatusSeen, delivery: Row) -> bool:
    """Tells whether a status is of the ticket that was delivered: another help desk may count from 1 again."""
    return status.number is None or numbers.parse(status.number) == (delivery.ticket_id, delivery.code)
