"""Writes into the store which tickets help desks have closed or opened again.

A report that comes again changes nothing: what our own agents have done to the ticket since then stays. The webhooks of
Zammad and Chatwoot are read here, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from bot.tickets import numbers
from bot.tickets.database import TicketDatabase
from bot.tickets.handling import keep_change, row_of, set_closed
from bot.tickets.model import now
from bot.tickets.signature import check_chatwoot, check_zammad
from bot.tickets.tables import OUTBOX, STATUS_MARKS, STATUS_REPORTS, TICKETS

logger = logging.getLogger(__name__)
_warn_once = cache(logger.warning)
CLOSES = {"open": False, "pending": False, "answered": False, "closed": True}
"""Status of a message -> whether the ticket is closed by it."""
HELP_DESK = "help desk"
STATUS_THERE = "status_there"
"""Field of the ticket's history that has the word of the other help desk."""
# Status of Zammad's, of Chatwoot's -> whether the ticket is closed by it.
_ZAMMAD = {"new": False, "open": False, "pending reminder": False, "pending close": False, "closed": True}
_CHATWOOT = {"open": False, "pending": False, "snoozed": False, "resolved": True}
_CHATWOOT_EVENTS = ("conversation_status_changed", "conversation_updated")
UNREADABLE = (ArithmeticError, AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)
"""Errors that reading a message raises where it is not as the help desk sends it."""
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


def closes(help_desk: str, statuses: Mapping[str, bool], status: str) -> bool | None:
    """Returns whether a ticket with a status is closed at a help desk; where that is not known, None and a warning.

    Args:
        help_desk: its name.
        statuses: its statuses that are known, each with whether it closes tickets.
        status: of the ticket.
    """
    is_closed = statuses.get(status)
    if is_closed is None:
        known = ", ".join(statuses)
        _warn_once(f"{help_desk}'s status {status[:40]!r} is none of {known}; such tickets stay as they are")
    return is_closed


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
            keep_change(connection, ticket.id, HELP_DESK, field=STATUS_THERE, after=status)
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

    def take(self, target: str, by: str, seen: Sequence[StatusSeen], in_order: bool = False) -> list[str]:
        """Closes what was closed at a help desk since it was last seen, and opens again what was opened there.

        Only a change there changes anything here: what our own agents do afterwards stays, however often it is seen. A
        ticket is known by what it was called when it was delivered: anybody can write our number into a mail.

        Args:
            target: the help desk, as in the outbox.
            by: its name in the history.
            seen: what it told.
            in_order: whether only a status newer than the last one of its ticket counts: messages come late and again.

        Returns:
            The numbers of the tickets that were changed here.
        """
        changed = []
        for delivery, status in self._deliveries(target, seen):
            if in_order or status.is_closed != delivery.closed_there:
                with self._database.writing() as connection:
                    if _apply(connection, delivery, by, status, in_order):
                        changed.append(numbers.write(delivery.ticket_id, delivery.code))
        return changed

    def _deliveries(self, target: str, seen: Sequence[StatusSeen]) -> Iterator[tuple[Row, StatusSeen]]:
        """Yields the deliveries that statuses are of, each with its status."""
        columns = (OUTBOX.c.id, OUTBOX.c.ticket_id, OUTBOX.c.external_id, OUTBOX.c.closed_there, TICKETS.c.code)
        for start in range(0, len(seen), _AT_ONCE):
            by_id = {status.external_id: status for status in seen[start : start + _AT_ONCE]}
            mine = (OUTBOX.c.target == target) & OUTBOX.c.external_id.in_(by_id)
            for delivery in self._database.rows(select(*columns).join(TICKETS).where(mine)):
                status = by_id[delivery.external_id]
                # Another help desk may count from 1 again.
                if status.number is None or numbers.parse(status.number) == (delivery.ticket_id, delivery.code):
                    yield delivery, status


def _apply(connection: Connection, delivery: Row, by: str, status: StatusSeen, in_order: bool) -> bool:
    """Closes or opens a ticket as its help desk did (`StatusReports.take`); returns whether it was changed."""
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


def read_zammad(message: Mapping[str, Any]) -> StatusSeen | None:
    """Returns what a message of Zammad's says of a ticket, None where it says nothing that is followed.

    Args:
        message: the default payload of a webhook.

    Raises:
        UNREADABLE: it is not what Zammad sends.
    """
    ticket = message["ticket"]
    is_closed = closes("zammad", _ZAMMAD, ticket["state"])
    if is_closed is None:
        return None
    at = datetime.fromisoformat(ticket["updated_at"].replace("Z", "+00:00"))
    return _seen(ticket["id"], numbers.find_number(ticket["title"]), is_closed, at)


def read_chatwoot(message: Mapping[str, Any]) -> StatusSeen | None:
    """Returns what a message of Chatwoot's says of a ticket, None where it says nothing that is followed.

    Args:
        message: an event of a webhook.

    Raises:
        UNREADABLE: it is not what Chatwoot sends.
    """
    if str(message["event"]) not in _CHATWOOT_EVENTS:
        return None
    number = message["custom_attributes"].get("ticket")
    is_closed = closes("chatwoot", _CHATWOOT, message["status"]) if number else None
    if is_closed is None:  # or a conversation that is no ticket
        return None
    at = datetime.fromtimestamp(float(message["updated_at"]), timezone.utc)
    return _seen(message["id"], str(number), is_closed, at)


@dataclass(frozen=True)
class Vendor:
    """A help desk whose own webhooks are understood.

    Args:
        title: its name in the history of a ticket.
        check: checks who has sent a message.
        read: reads a message's JSON; raises one of `UNREADABLE` where it is not the help desk's.
    """

    title: str
    check: Callable[[bytes, Mapping[str, str], bytes, float], None]
    read: Callable[[Mapping[str, Any]], StatusSeen | None]


VENDORS = {
    "zammad": Vendor("Zammad", check_zammad, read_zammad),
    "chatwoot": Vendor("Chatwoot", check_chatwoot, read_chatwoot),
}
"""Name of the target, as in the outbox -> the help desk."""


def _seen(identity: object, number: str | None, is_closed: bool, at: datetime) -> StatusSeen:
    # A clock that is ahead for a while must not have us miss what follows; a moment without a zone is refused here.
    return StatusSeen(str(identity), number, is_closed, min(at, now()))
