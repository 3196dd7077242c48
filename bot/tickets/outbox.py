"""The outbox: who may deliver a ticket now, and what became of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.engine import Engine

from bot.tickets.database import reported
from bot.tickets.model import Ticket
from bot.tickets.store import now, read_ticket
from bot.tickets.tables import OUTBOX, TICKETS


@dataclass(frozen=True)
class Claim:
    """The right to deliver one ticket to one help desk, for a while.

    Args:
        id: the row.
        ticket: what is delivered.
        key: its idempotency key.
        attempts: how often it was tried, this time included.
        refusals: how often the help desk has said no.
        lease: proves that the row is still ours.
        deadline: when the right ends, as `time.monotonic()` counts.
    """

    id: int
    ticket: Ticket
    key: str
    attempts: int
    refusals: int
    lease: str
    deadline: float


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

    def claim(self, target: str) -> Claim | None:
        """Leases the row that has waited longest; None if none is due."""
        deadline = time.monotonic() + self._lease_seconds
        moment = now()
        due = (
            select(OUTBOX.c.id, OUTBOX.c.ticket_id)
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
        lease = secrets.token_hex(16)
        with reported(self._engine), self._engine.begin() as connection:
            found = connection.execute(due).one_or_none()
            if found is None:
                return None
            connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.id == found.id)
                .values(
                    lease=lease,
                    leased_until=moment + timedelta(seconds=self._lease_seconds),
                    attempts=OUTBOX.c.attempts + 1,
                )
            )
            row = connection.execute(select(OUTBOX).where(OUTBOX.c.id == found.id)).one()
            ticket = read_ticket(connection.execute(select(TICKETS).where(TICKETS.c.id == found.ticket_id)).one())
        return Claim(row.id, ticket, row.idempotency_key, row.attempts, row.refusals, lease, deadline)

    def delivered(self, claim: Claim, external_id: str | None) -> None:
        """Notes that a ticket has arrived, and what the help desk calls it."""
        self._finish(claim, {"state": "delivered", "external_id": external_id, "delivered_at": now(), "reason": None})

    def postponed(self, claim: Claim, reason: str, until: datetime, refused: bool) -> None:
        """Notes what went wrong, and when it is tried again."""
        refusals = claim.refusals + int(refused)
        self._finish(claim, {"reason": reason, "next_attempt_at": until, "refusals": refusals})

    def parked(self, claim: Claim, reason: str) -> None:
        """Gives up until a person puts the row back (`tickets retry`)."""
        self._finish(claim, {"state": "parked", "reason": reason, "refusals": claim.refusals + 1})

    def _finish(self, claim: Claim, values: Mapping[str, Any]) -> None:
        mine = (OUTBOX.c.id == claim.id) & (OUTBOX.c.lease == claim.lease)
        with reported(self._engine), self._engine.begin() as connection:
            connection.execute(update(OUTBOX).where(mine).values(**values, lease=None, leased_until=None))
