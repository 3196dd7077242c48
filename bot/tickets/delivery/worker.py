"""Delivers tickets to help desks until they arrive or are parked for a person, and asks what became of them.

Each help desk is a `Target`; a `Follower` asks it what became of tickets. So far that is Request Tracker alone: Zammad
and Chatwoot tell it by webhooks (`bot.tickets.status_reports`).
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update

from bot.tickets.database import TicketDatabase
from bot.tickets.delivery.request_tracker import RequestTrackerTarget
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError, Target
from bot.tickets.model import TicketStoreError, now
from bot.tickets.status_reports import StatusReports
from bot.tickets.tables import OUTBOX, TICKETS, read_ticket

logger = logging.getLogger(__name__)
POLL_SECONDS = 1.0
FOLLOW_SECONDS = 60
# What was changed may be seen later than what was changed after it: help desks write at once what takes them seconds,
# and their servers' clocks differ.
OVERLAP = timedelta(minutes=10)
# A help desk that answers nothing is waited for, for days; this only ends what would go on for ever.
MOST_ATTEMPTS = 2000


@dataclass(frozen=True)
class RetryPolicy:
    """Waits between attempts, and how many refusals end them.

    Args:
        first_seconds: wait after the first failure; doubled after each further one.
        longest_seconds: longest wait.
        lease_seconds: wait at least where a ticket may have arrived without an answer.
        refusals: after so many the ticket is parked.
    """

    first_seconds: float = 2
    longest_seconds: float = 300
    lease_seconds: float = 180
    refusals: int = 25

    def wait(self, failures: int, uncertain: bool = False) -> timedelta:
        """Returns how long to wait after so many failures, at random within the upper half of it."""
        longest = min(self.longest_seconds, self.first_seconds * 2 ** min(failures - 1, 30))
        seconds = random.uniform(longest / 2, longest)
        return timedelta(seconds=max(seconds, self.lease_seconds) if uncertain else seconds)


class Outbox:
    """The rows that wait for delivery.

    A row belongs to the worker that has leased it until its lease ends; whoever dies with a row in hand leaves it for
    the next one, but not before the help desk has had the time to finish what it was told.

    Args:
        database: the ticket database.
        lease_seconds: how long a worker may take over one ticket.
        longest_seconds: longest wait between two attempts.
    """

    def __init__(self, database: TicketDatabase, lease_seconds: float, longest_seconds: float = 300) -> None:
        self._database = database
        self._lease_seconds, self._longest_seconds = lease_seconds, longest_seconds

    def claim(self, target: str) -> DeliveryAttempt | None:
        """Leases the row that has waited longest for a help desk; None if none is due."""
        deadline = time.monotonic() + self._lease_seconds
        moment = now()
        until = moment + timedelta(seconds=self._lease_seconds)
        # Nothing waits for longer: what is to be tried later was noted while a clock was ahead.
        wrong = until + timedelta(seconds=self._longest_seconds)
        next_attempt, leased_until = OUTBOX.c.next_attempt_at, OUTBOX.c.leased_until
        is_time = or_(next_attempt <= moment, next_attempt > wrong)
        is_free = or_(leased_until.is_(None), leased_until <= moment, leased_until > wrong)
        due = select(OUTBOX).where(OUTBOX.c.target == target, OUTBOX.c.state == "pending", is_time, is_free)
        # PostgreSQL passes over what another worker is leasing; in SQLite the transaction has the database for itself.
        due = due.order_by(next_attempt, OUTBOX.c.id).limit(1).with_for_update(skip_locked=True)
        with self._database.writing() as connection:
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            lease, attempts = secrets.token_hex(16), row.attempts + 1
            leased = update(OUTBOX).where(OUTBOX.c.id == row.id)
            connection.execute(leased.values(lease=lease, leased_until=until, attempts=attempts))
            ticket = read_ticket(connection.execute(select(TICKETS).where(TICKETS.c.id == row.ticket_id)).one())
        return DeliveryAttempt(ticket, row.idempotency_key, deadline, row.id, attempts, row.refusals, lease)

    def finish(self, attempt: DeliveryAttempt, **values: Any) -> None:
        """Gives a row back and notes what has become of it; where its lease has ended, it is another worker's.

        Args:
            attempt: what was claimed.
            **values: columns of the row that change.
        """
        mine = (OUTBOX.c.id == attempt.id) & (OUTBOX.c.lease == attempt.lease)
        with self._database.writing() as connection:
            connection.execute(update(OUTBOX).where(mine).values(**values, lease=None, leased_until=None))


class Follower:
    """Takes in what has become of tickets at one help desk.

    The mark, the moment up to which it has asked, is kept in the store: after a restart it goes on where it was. It is
    the help desk's own time, or ours where the help desk's clock is ahead. What is seen twice changes nothing.

    Args:
        source: the help desk.
        database: the ticket database.
    """

    def __init__(self, source: RequestTrackerTarget, database: TicketDatabase) -> None:
        self.source = source
        self._reports = StatusReports(database)
        self._is_down = False

    def ask(self) -> int:
        """Asks once; a help desk that is down is told in the log once, until it answers again.

        Returns:
            How many tickets were closed or opened again.

        Raises:
            TicketStoreError: the store cannot be used; what was seen is asked for again.
        """
        name, title = self.source.name, self.source.title
        mark, begun = self._reports.mark(name), now()
        try:
            seen = self.source.seen(mark and mark - OVERLAP)
        except DeliveryError as error:
            if not self._is_down:
                logger.warning("what became of tickets is asked again every %d s: %s", FOLLOW_SECONDS, error)
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


@dataclass(frozen=True)
class Worker:
    """Delivers to each help desk in a thread of its own, so that a slow one holds up nobody else.

    Args:
        outbox: what is to be delivered.
        targets: the help desks.
        policy: waits between attempts.
        followers: ask help desks what became of tickets, each in a thread of its own.
    """

    outbox: Outbox
    targets: Sequence[Target]
    policy: RetryPolicy
    followers: Sequence[Follower] = ()
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)

    def stop(self) -> None:
        """Ends `run` after the deliveries in hand."""
        self._stopped.set()

    def run(self) -> None:
        """Delivers and follows until `stop` is called."""
        threads = [threading.Thread(target=self._serve, args=(target,), name=target.name) for target in self.targets]
        threads += [threading.Thread(target=self._follow, args=(each,)) for each in self.followers]
        for thread in threads:
            thread.start()
        self._stopped.wait()
        for thread in threads:
            thread.join()

    def run_once(self) -> Counter[str]:
        """Tries everything that is due once, and asks each help desk once what became of tickets.

        Returns:
            How many were `delivered`, `postponed` and `parked`, and how many `changed` at a help desk.

        Raises:
            TicketStoreError: the store cannot be used.
        """
        counts: Counter[str] = Counter()
        for target in self.targets:
            result = "begun"
            while result not in {"idle", "unavailable"} and not self._stopped.is_set():
                result = self._deliver_next(target)
                counts[result] += result != "idle"
        for follower in self.followers:
            counts["changed"] += follower.ask()
        return +counts  # without those that are 0

    def _serve(self, target: Target) -> None:
        failures = 0
        while not self._stopped.is_set():
            result = "unavailable"
            with _logged(f"delivery to {target.name}"):
                result = self._deliver_next(target)
            failures = failures + 1 if result == "unavailable" else 0
            if failures:
                self._stopped.wait(self.policy.wait(failures).total_seconds())
            elif result == "idle":
                self._stopped.wait(POLL_SECONDS)

    def _follow(self, follower: Follower) -> None:
        while not self._stopped.is_set():
            with _logged(f"what became of tickets at {follower.source.title}"):
                follower.ask()
            self._stopped.wait(FOLLOW_SECONDS)

    def _deliver_next(self, target: Target) -> str:
        """Makes one attempt; returns `delivered`, `postponed`, `parked`, `unavailable` for all, or `idle` for none."""
        attempt = self.outbox.claim(target.name)
        if attempt is None:
            return "idle"
        try:
            external_id = target.deliver(attempt)
        except DeliveryError as error:
            failure = error
        except Exception as error:  # a ticket that breaks our own code must not stop the others
            logger.exception("ticket %s cannot be delivered to %s", attempt.ticket.number, target.name)
            failure = DeliveryError(f"{type(error).__name__}: {error}", refused=True)
        else:
            self.outbox.finish(attempt, state="delivered", external_id=external_id, delivered_at=now(), reason=None)
            logger.info("ticket %s delivered to %s as %s", attempt.ticket.number, target.name, external_id)
            return "delivered"
        logger.warning("ticket %s not delivered to %s: %s", attempt.ticket.number, target.name, failure)
        refusals = attempt.refusals + int(failure.refused)
        if refusals >= self.policy.refusals or attempt.attempts >= MOST_ATTEMPTS:
            self.outbox.finish(attempt, state="parked", reason=str(failure), refusals=refusals)
            return "parked"
        until = now() + self.policy.wait(attempt.attempts, failure.uncertain and not failure.refused)
        self.outbox.finish(attempt, reason=str(failure), next_attempt_at=until, refusals=refusals)
        return "postponed" if failure.refused else "unavailable"


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """Logs the errors of a block, whichever they are: a thread must not end while the process goes on."""
    try:
        yield
    except TicketStoreError as error:
        logger.warning("%s", error)
    except Exception:
        logger.exception(what)
