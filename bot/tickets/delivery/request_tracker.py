"""Delivers tickets to Request Tracker 5 over REST2."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rt.exceptions import ConnectionError as NotConnected
from rt.exceptions import NotFoundError, RtError
from rt.rest2 import Rt

from bot.text.mail import header_address
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError
from bot.tickets.model import Ticket

# Request Tracker calls 0 low, 50 medium and 100 high, and sorts by the number.
PRIORITY = {"low": 0, "normal": 50, "high": 100, "urgent": 120}
NOT_NOW = frozenset({408, 429, 502, 503, 504})


class RequestTrackerTarget:
    """Creates each ticket once: whether it is there already is looked up by its number in the subject.

    Args:
        url: of Request Tracker, with or without `REST/2.0/` at its end.
        token: of a user with the rights SeeQueue, ShowTicket and CreateTicket.
        queue: where tickets are created; `{queue}` in it stands for the ticket's own.
        answer_seconds: how long an answer is waited for.
    """

    name = "request_tracker"

    def __init__(self, url: str, token: str, queue: str, answer_seconds: float) -> None:
        base = url.rstrip("/").removesuffix("/REST/2.0")
        self._tracker = Rt(f"{base}/REST/2.0/", token=token, http_timeout=answer_seconds)  # type: ignore[arg-type]  # handed on to httpx
        self._queue = queue
        self._answer_seconds = answer_seconds

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Creates one ticket unless it is there; see `Target.deliver`."""
        ticket = attempt.ticket
        creating = False
        try:
            if found := self._find(ticket):
                return found
            attempt.ensure_time(self._answer_seconds)
            creating = True
            return self._create(ticket)
        except (NotConnected, OSError) as error:  # the library raises Python's own ConnectionError
            reached = type(error.__cause__).__name__ not in {"ConnectError", "ConnectTimeout"}
            told = f"Request Tracker did not answer: {error}"
            raise DeliveryError(told, uncertain=creating and reached) from error
        except (RtError, ValueError) as error:
            told = getattr(error, "response_message", None) or str(error) or type(error).__name__
            told = f"Request Tracker did not take it: {told[:300]}"
            refused = getattr(error, "status_code", None) not in NOT_NOW
            raise DeliveryError(told, refused, uncertain=creating) from error

    def _find(self, ticket: Ticket) -> str | None:
        # Mails become tickets, too, and anybody may write our number into one: those are others' creations.
        mine = f"Subject LIKE '[{ticket.number}]' AND Creator = '__CurrentUser__'"
        with suppress(NotFoundError):  # so the library says that a search finds nothing
            for found in self._tracker.search(raw_query=mine):
                return str(found["id"])
        return None

    def _create(self, ticket: Ticket) -> str:
        fields: dict[str, Any] = {"Priority": PRIORITY[ticket.priority]}
        requestor = header_address(ticket.contact_email or "")
        if requestor:  # another one stands in the text; it is sent mails
            fields["Requestor"] = requestor
        queue = self._queue.replace("{queue}", ticket.queue)
        return str(self._tracker.create_ticket(queue, subject=subject(ticket), content=body(ticket), **fields))
