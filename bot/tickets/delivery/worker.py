"""Carries tickets from the outbox to the help desks, and tries again until they have arrived."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.tickets.delivery.target import DeliveryError, Target
from bot.tickets.model import TicketStoreError, now
from bot.tickets.outbox import Outbox

logger = logging.getLogger(__name__)
POLL_SECONDS = 1.0
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


class Worker:
    """Delivers to each help desk in a thread of its own, so that a slow one holds up nobody else.

    Args:
        outbox: what is to be delivered.
        targets: the help desks.
        policy: waits between attempts.
    """

    def __init__(self, outbox: Outbox, targets: Sequence[Target], policy: RetryPolicy) -> None:
        self._outbox = outbox
        self._targets = tuple(targets)
        self._policy = policy
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends `run` after the deliveries in hand."""
        self._stopped.set()

    def run(self) -> None:
        """Delivers until `stop` is called."""
        threads = [threading.Thread(target=self._serve, args=(target,), name=target.name) for target in self._targets]
        for thread in threads:
            thread.start()
        self._stopped.wait()
        for thread in threads:
            thread.join()

    def run_once(self) -> Counter[str]:
        """Tries everything that is due once; returns how many were `delivered`, `postponed` and `parked`.

        Raises:
            TicketStoreError: the store cannot be used.
        """
        counts: Counter[str] = Counter()
        for target in self._targets:
            result = "begun"
            while result not in {"idle", "unavailable"} and not self._stopped.is_set():
                result = self._deliver_next(target)
                counts[result] += 1
        counts.pop("idle", None)
        return counts

    def _serve(self, target: Target) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                result = self._deliver_next(target)
            except TicketStoreError as error:
                logger.warning("%s", error)
                result = "unavailable"
            except Exception:  # the thread must not end while the process goes on
                logger.exception("delivery to %s", target.name)
                result = "unavailable"
            failures = failures + 1 if result == "unavailable" else 0
            if failures:
                self._stopped.wait(self._policy.wait(failures).total_seconds())
            elif result == "idle":
                self._stopped.wait(POLL_SECONDS)

    def _deliver_next(self, target: Target) -> str:
        """Makes one attempt; returns `delivered`, `postponed`, `parked`, `unavailable` for all, or `idle` for none."""
        attempt = self._outbox.claim(target.name)
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
            self._outbox.delivered(attempt, external_id)
            logger.info("ticket %s delivered to %s as %s", attempt.ticket.number, target.name, external_id)
            return "delivered"
        logger.warning("ticket %s not delivered to %s: %s", attempt.ticket.number, target.name, failure)
        if attempt.refusals + int(failure.refused) >= self._policy.refusals or attempt.attempts >= MOST_ATTEMPTS:
            self._outbox.parked(attempt, str(failure))
            return "parked"
        until = now() + self._policy.wait(attempt.attempts, failure.uncertain and not failure.refused)
        self._outbox.postponed(attempt, str(failure), until, failure.refused)
        return "postponed" if failure.refused else "unavailable"
