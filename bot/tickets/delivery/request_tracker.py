"""Delivers tickets to Request Tracker 5 over REST2."""

from __future__ import annotations

from typing import Any

from bot.text.mail import header_address
from bot.tickets.delivery.http_api import HttpApi
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt
from bot.tickets.model import Ticket

# Request Tracker calls 0 low, 50 medium and 100 high, and sorts by the number.
PRIORITY = {"low": 0, "normal": 50, "high": 100, "urgent": 120}


def rest2(url: str, token: str, answer_seconds: float) -> HttpApi:
    """Returns the API of a Request Tracker; arguments as of `RequestTrackerTarget`."""
    base = f"{url.rstrip('/').removesuffix('/REST/2.0')}/REST/2.0"
    headers = {"Authorization": f"token {token}"}
    return HttpApi("Request Tracker", base, headers, answer_seconds, "BOT_TICKETS_RT_TOKEN")


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
        self._api = rest2(url, token, answer_seconds)
        self._queue = queue

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Creates one ticket unless it is there; see `Target.deliver`."""
        # Mails become tickets, too, and anybody may write our number into one: those are others' creations.
        mine = f"Subject LIKE '[{attempt.ticket.number}]' AND Creator = '__CurrentUser__'"
        found = self._api.call("GET", "tickets", params={"query": mine})["items"]
        if not found:
            new = self._new(attempt.ticket)
            attempt.ensure_time(self._api.answer_seconds)
            found = [self._api.call("POST", "ticket", creates=True, json=new)]
        return str(found[0]["id"])

    def _new(self, ticket: Ticket) -> dict[str, Any]:
        requestor = header_address(ticket.contact_email or "")
        return {
            "Queue": self._queue.replace("{queue}", ticket.queue),
            "Subject": subject(ticket),
            "Content": body(ticket),
            "ContentType": "text/plain",
            "Priority": PRIORITY[ticket.priority],
            **({"Requestor": requestor} if requestor else {}),  # another one stands in the text; it is sent mails
        }
