"""Delivers tickets to Request Tracker 5 over REST2, and reads what became of them there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.text.mail import header_address
from bot.tickets.delivery.http_api import HttpApi
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError
from bot.tickets.model import Ticket
from bot.tickets.numbers import find_number
from bot.tickets.status_reports import StatusSeen, closes

# Request Tracker calls 0 low, 50 medium and 100 high, and sorts by the number.
PRIORITY = {"low": 0, "normal": 50, "high": 100, "urgent": 120}
CLOSES = {"new": False, "open": False, "stalled": False, "resolved": True, "rejected": True, "deleted": True}
"""Status of Request Tracker's -> whether the ticket is closed by it."""
# By either of them: the token may be another user's meanwhile, and an agent may have changed the subject.
_OURS = "Creator = '__CurrentUser__' OR Subject LIKE '[T-'"
# Deleted tickets are found by no search for tickets.
_DELETED = "Type = 'Status' AND NewValue = 'deleted' AND TicketCreator = '__CurrentUser__'"
_PAGE_ROWS = 100  # more it does not give


class RequestTrackerTarget:
    """Creates each ticket once: whether it is there already is looked up by its number in the subject.

    Args:
        url: of Request Tracker, with or without `REST/2.0/` at its end.
        token: of a user with the rights SeeQueue, ShowTicket and CreateTicket.
        queue: where tickets are created; `{queue}` in it stands for the ticket's own.
        answer_seconds: how long an answer is waited for.
    """

    name = "request_tracker"
    title = "Request Tracker"
    """Its name in the history of a ticket."""

    def __init__(self, url: str, token: str, queue: str, answer_seconds: float) -> None:
        base = f"{url.rstrip('/').removesuffix('/REST/2.0')}/REST/2.0"
        headers = {"Authorization": f"token {token}"}
        self._api = HttpApi(self.title, base, headers, answer_seconds, "BOT_TICKETS_RT_TOKEN")
        self._queue = queue

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Creates one ticket unless it is there; see `Target.deliver`."""
        # Mails become tickets, too, and anybody may write our number into one: those are others' creations.
        mine = f"Subject LIKE '[{attempt.ticket.number}]' AND Creator = '__CurrentUser__'"
        found = self._api.call("GET", "tickets", params={"query": mine})["items"]
        if not found:
            found = [self._api.create("ticket", self._new(attempt.ticket), attempt)]
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

    def seen(self, since: datetime | None) -> Sequence[StatusSeen]:
        """Returns the tickets that were changed there.

        Its searches take a moment in the time zone of the token's user, and mistake it by an hour around daylight
        saving; what they answer is in UTC. So the moment is not searched for but compared here.

        Args:
            since: by the help desk's clock; None for all tickets.

        Raises:
            DeliveryError: it does not answer, or not what it should.
        """
        try:
            deleted = self._read("transactions", _DELETED, "ObjectId,Created", "Created", since)
            listed = self._read("tickets", _OURS, "Status,Subject,LastUpdated", "LastUpdated", since)
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryError(f"Request Tracker answers what cannot be read ({error!r}).") from error
        # A deleted ticket that is listed was restored since.
        found = {row["ObjectId"]: StatusSeen(row["ObjectId"], None, True, at) for row, at in deleted}
        for row, at in listed:
            is_closed = closes(self.title, CLOSES, row["Status"])
            if is_closed is not None:
                found[row["id"]] = StatusSeen(row["id"], find_number(row.get("Subject") or ""), is_closed, at)
        return list(found.values())

    def _read(
        self, path: str, query: str, fields: str, moment: str, since: datetime | None
    ) -> list[tuple[dict[str, Any], datetime]]:
        """Returns what was changed, each with when; reads the last change first, until it comes to older ones.

        What leaves the list while it is read moves a row over the edge between two pages, where it is not seen; so
        several pages are read again until nothing new is there.
        """
        order = {"orderby": [moment, "id"], "order": ["DESC", "DESC"]}
        asked: dict[str, Any] = {"query": query, "fields": fields, "per_page": _PAGE_ROWS, **order}
        found: dict[tuple[str, str], tuple[dict[str, Any], datetime]] = {}
        while True:
            before = len(found)
            for page in itertools.count(1):
                answer = self._api.call("GET", path, params=asked | {"page": page})
                rows = [(row, datetime.fromisoformat(row[moment].replace("Z", "+00:00"))) for row in answer["items"]]
                new = [(row, at) for row, at in rows if since is None or at >= since]
                found |= {(row["id"], row[moment]): (row, at) for row, at in new}
                # It does not always say how many pages there are.
                if not rows or len(new) < len(rows) or answer.get("pages") == page:
                    break
            if page == 1 or len(found) == before:
                return list(found.values())
