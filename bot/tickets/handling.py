"""Agents' work on tickets: assign, close, correct, leave notes; every change is kept with who made it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from bot.articles.issues import Priority, Product, Queue
from bot.phrases.model import COMMAND_LINE
from bot.text.characters import readable
from bot.text.masking import mask
from bot.tickets import model, numbers
from bot.tickets.candidates import add_candidate
from bot.tickets.database import TicketDatabase
from bot.tickets.model import Ticket, now
from bot.tickets.priority import assess
from bot.tickets.tables import TICKET_CHANGES, TICKETS, fields_of, read_ticket

NOTE = "note"
SETTABLE: dict[str, tuple[str, ...]] = {
    "queue": get_args(Queue),
    "priority": get_args(Priority),
    "product": get_args(Product),
}
"""Column of a ticket -> the values that an agent may give it."""
_KEPT = ("state", "assignee", "intent", "language", *SETTABLE)


@dataclass(frozen=True)
class TicketChange:
    """One change of a ticket.

    Args:
        agent: who made it; `command line` for `python -m bot tickets`.
        field: the column of the ticket, or `note`.
        before: the value that it had, None for none.
        after: the value that it has since; the text of a note.
        at: when.
    """

    agent: str
    field: str
    before: str | None
    after: str | None
    at: datetime


class TicketHandling(TicketDatabase):
    """Agents' side of the ticket store; each change is kept in the table `ticket_changes`, in the same transaction."""

    def ticket(self, number: str) -> Ticket:
        """Returns one ticket.

        Raises:
            TicketNotFound: there is none with that number.
        """
        with self.reading() as connection:
            return read_ticket(row_of(connection, number))

    def assign(self, number: str, assignee: str, by: str = COMMAND_LINE) -> Ticket:
        """Gives a ticket to an agent.

        Args:
            number: the ticket.
            assignee: who gets it.
            by: the agent who does so, here and below.
        """
        return self._change(number, by, state="assigned", assignee=assignee)

    def close(self, number: str, by: str = COMMAND_LINE) -> Ticket:
        """Closes a ticket; its assignee stays on record."""
        return self._set_closed(number, by, closed=True)

    def reopen(self, number: str, by: str = COMMAND_LINE) -> Ticket:
        """Opens a closed ticket again, for the agent who had it."""
        return self._set_closed(number, by, closed=False)

    def put(self, number: str, field: str, value: str, by: str = COMMAND_LINE) -> Ticket:
        """Sets a field of a ticket to one of its values in `SETTABLE`, whatever its issue says."""
        return self._change(number, by, **{field: value})

    def correct(
        self,
        number: str,
        intent: str | None = None,
        language: str | None = None,
        text: str | None = None,
        by: str = COMMAND_LINE,
    ) -> Ticket:
        """Takes an agent's correction, moves the ticket to the right queue and keeps a candidate for training.

        Args:
            number: the ticket.
            intent: what the issue is, None if it was understood.
            language: what the language is, None if it was recognised.
            text: the customer's words that were misunderstood; without them, the first that the transcript has, or
                the summary.
            by: the agent who corrects.
        """
        before = self.ticket(number)
        right = {"intent": intent or before.intent, "language": language or before.language}
        found = assess(right["intent"], before.signals, before.sentiment)
        said = (line.text for line in before.transcript if line.speaker == "customer" and not line.text.startswith("/"))
        with self.writing() as connection:
            _update(connection, row_of(connection, number), by, **right, **vars(found))
            shown = [before.intent] if before.intent else []
            ranking = [(name, before.confidence) for name in shown] + list(before.runners_up)
            about = {"shown": shown, "ranking": ranking, "ticket_id": before.id}
            add_candidate(connection, kind="correction", text=text or next(said, before.summary), **right, **about)
        return self.ticket(number)

    def note(self, number: str, text: str, by: str) -> None:
        """Keeps what an agent wants colleagues to know, without card and account numbers."""
        with self.writing() as connection:
            keep_change(connection, row_of(connection, number).id, by, field=NOTE, after=clean(text))

    def changes(self, number: str) -> list[TicketChange]:
        """Returns what was changed of a ticket and noted about it, oldest first."""
        query = select(TICKET_CHANGES).where(TICKET_CHANGES.c.ticket_id == self.ticket(number).id)
        return [TicketChange(**fields_of(TicketChange, row)) for row in self.rows(query.order_by(TICKET_CHANGES.c.id))]

    def _set_closed(self, number: str, by: str, closed: bool) -> Ticket:
        with self.writing() as connection:
            set_closed(connection, row_of(connection, number), by, closed)
        return self.ticket(number)

    def _change(self, number: str, by: str, **values: Any) -> Ticket:
        with self.writing() as connection:
            _update(connection, row_of(connection, number), by, **values)
        return self.ticket(number)


def row_of(connection: Connection, number: str) -> Row:
    """Returns the row of a ticket, locked where the transaction writes and the database locks rows.

    Raises:
        TicketNotFound: there is none with that number.
    """
    identity, code = numbers.parse(number) or (0, "")
    query = select(TICKETS).where(TICKETS.c.id == identity)
    if not connection.get_execution_options().get("reads_only"):
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or not same(code, row.code):
        raise model.TicketNotFound(f"there is no ticket {number}; `python -m bot tickets list` shows those there are.")
    return row


def set_closed(connection: Connection, before: Row, by: str, closed: bool) -> bool:
    """Closes a ticket or opens it again; returns whether that changes anything.

    Args:
        connection: a transaction.
        before: the ticket's row.
        by: who does so.
        closed: whether it is to be closed; otherwise it goes back to the agent who had it.
    """
    if closed == (before.state == "closed"):
        return False
    reopened = "assigned" if before.assignee else "new"
    _update(connection, before, by, state="closed" if closed else reopened)
    return True


def keep_change(connection: Connection, ticket_id: int, by: str, **change: str | None) -> None:
    """Keeps a change of a ticket or a note about it: `field`, `before` and `after` as in `TicketChange`."""
    connection.execute(insert(TICKET_CHANGES).values(ticket_id=ticket_id, agent=by, **change))


def same(given: str | None, kept: str | None) -> bool:
    """Compares in a time that does not tell how much of it is right; nothing is the same as nothing."""
    equal = hmac.compare_digest((given or "").encode(), (kept or "").encode())
    return equal & bool(given) & bool(kept)


def clean(text: str) -> str:
    """Returns the text without card and account numbers, and without what would steer a terminal or stop a database."""
    return mask(readable(text)).text  # in this order: without unreadable characters, digits may come together


def _update(connection: Connection, before: Row, by: str, **values: Any) -> None:
    """Changes a ticket and keeps what was changed."""
    connection.execute(update(TICKETS).where(TICKETS.c.id == before.id).values(**values, updated_at=now()))
    for name in _KEPT:
        if name in values and values[name] != before._mapping[name]:
            keep_change(connection, before.id, by, field=name, before=before._mapping[name], after=values[name])
