"""The outbox: leases tickets to the workers that deliver them, and notes the results."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.engine import Engine

from bot.tickets.database import reported
from bot.tickets.delivery.target import DeliveryAttempt
from bot.tickets.model import now
from bot.tickets.store import read_ticket
from bot.tickets.tables import OUTBOX, TICKETS


class Outbox:
    """The rows that wait for delivery.

    A row belongs to the worker that has leased it until its lease ends; whoever dies with a row in hand leaves it for
    the next one, but not before the help desk has had the time to finish what it was told.

    Args:
        engine: the ticket database.
        lease_seconds: how long a worker may take over one ticket.
    """

    def __init__(self, engine: Engine, lease_seconds: float) -> None:
        self._engine = engine
        self._lease_seconds = lease_seconds

    def claim(self, target: str) -> DeliveryAttempt | None:
        """Leases the row that has waited longest for a help desk; None if none is due."""
        deadline = time.monotonic() + self._lease_seconds
        moment = now()
        due = (
            select(OUTBOX)
            .where(
                OUTBOX.c.target == target,
                OUTBOX.c.state == "pending",
                OUTBOX.c.next_attempt_at <= moment,
                or_(OUTBOX.c.leased_until.is_(None), OUTBOX.c.leased_until <= moment),
            )
            .order_by(OUTBOX.c.next_attempt_at, OUTBOX.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # PostgreSQL; in SQLite the transaction has the database for itself
        )
        with reported(self._engine), self._engine.begin() as connection:
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            lease, attempts = secrets.token_hex(16), row.attempts + 1
            until = moment + timedelta(seconds=self._lease_seconds)
            leased = update(OUTBOX).where(OUTBOX.c.id == row.id)
            connection.execute(leased.values(lease=lease, leased_until=until, attempts=attempts))
            ticket = read_ticket(connection.execute(select(TICKETS).where(TICKETS.c.id == row.ticket_id)).one())
        return DeliveryAttempt(ticket, row.idempotency_key, deadline, row.id, attempts, row.refusals, lease)

    def delivered(self, attempt: DeliveryAttempt, external_id: str | None) -> None:
        """Notes that a ticket has arrived, and what the help desk calls it."""
        self._finish(attempt, state="delivered", external_id=external_id, delivered_at=now(), reason=None)

    def postponed(self, attempt: DeliveryAttempt, reason: str, until: datetime, refused: bool) -> None:
        """Notes what went wrong, and when it is tried again."""
        self._finish(attempt, reason=reason, next_attempt_at=until, refusals=attempt.refusals + int(refused))

    def parked(self, attempt: DeliveryAttempt, reason: str) -> None:
        """Gives up until a person puts the row back (`tickets retry`)."""
        self._finish(attempt, state="parked", reason=reason, refusals=attempt.refusals + 1)

    def _finish(self, attempt: DeliveryAttempt, **values: Any) -> None:
        mine = (OUTBOX.c.id == attempt.id) & (OUTBOX.c.lease == attempt.lease)
        with reported(self._engine), self._engine.begin() as connection:
            connection.execute(update(OUTBOX).where(mine).values(**values, lease=None, leased_until=None))
