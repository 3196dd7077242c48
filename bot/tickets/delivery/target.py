"""Defines `Target`, the interface of each help desk, and the attempt to deliver one ticket to it; delivers nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from bot.tickets.model import Ticket


class DeliveryError(RuntimeError):
    """A help desk does not answer, or not as hoped: the ticket was not delivered, or what became of it is not known.

    Args:
        message: what was seen.
        refused: the help desk has answered and does not take this ticket as it is; otherwise nobody takes any now.
        uncertain: the ticket may have arrived although no answer came.
    """

    def __init__(self, message: str, refused: bool = False, uncertain: bool = False) -> None:
        super().__init__(message)
        self.refused = refused
        self.uncertain = uncertain


@dataclass(frozen=True)
class DeliveryAttempt:
    """One attempt to deliver one ticket to one help desk.

    Args:
        ticket: what is delivered.
        key: idempotency key: the same at every attempt, different for every ticket and help desk.
        deadline: when another worker may take over, as `time.monotonic()` counts.
        id: row of the outbox.
        attempts: how often it was tried, this time included.
        refusals: how often the help desk has refused it.
        lease: proves that the row is still ours.
    """

    ticket: Ticket
    key: str
    deadline: float
    id: int
    attempts: int
    refusals: int
    lease: str

    def ensure_time(self, answer_seconds: float) -> None:
        """Checks, right before what cannot be taken back, that the lease lasts until the help desk has answered.

        Args:
            answer_seconds: how long the help desk's answer is waited for.

        Raises:
            DeliveryError: another worker could take over before.
        """
        if time.monotonic() + answer_seconds > self.deadline:
            raise DeliveryError("there was not enough time left to send the ticket safely")


class Target(Protocol):
    """A help desk."""

    name: str

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Hands a ticket over, once however often it is called.

        Returns:
            What the help desk calls it, None if it does not say.

        Raises:
            DeliveryError: the help desk does not take it, or does not answer.
        """
