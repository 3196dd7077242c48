"""Delivers tickets to Zammad over its REST API (https://docs.zammad.org/en/latest/api/ticket/index.html)."""

from __future__ import annotations

from typing import Any

from bot.text.mail import header_address
from bot.tickets.delivery.http_api import HttpApi
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt
from bot.tickets.model import Ticket

# "1 low", "2 normal" and "3 high" by their ids: administrators rename them.
PRIORITY = {"low": 1, "normal": 2, "high": 3, "urgent": 3}


class ZammadTarget:
    """Creates each ticket once: whether it is there already is looked up by its number in the title.

    Zammad's search for words lags behind; its search by conditions asks the database.

    Args:
        url: of Zammad, with or without `api/v1` at its end.
        token: access token of an agent who may read and create tickets in the group.
        group: where tickets are created; `{queue}` in it stands for the ticket's own queue.
        answer_seconds: how long an answer is waited for.
    """

    name = "zammad"

    def __init__(self, url: str, token: str, group: str, answer_seconds: float) -> None:
        base = f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1"
        headers = {"Authorization": f"Token token={token}"}
        self._api = HttpApi("Zammad", base, headers, answer_seconds, "BOT_TICKETS_ZAMMAD_TOKEN")
        self._group = group

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Creates one ticket unless it is there; see `Target.deliver`."""
        found = self._find(attempt.ticket)
        if found is None:
            found = self._api.create("tickets", self._new(attempt.ticket), attempt)["id"]
        return str(found)

    def _find(self, ticket: Ticket) -> int | None:
        title = f"[{ticket.number}]"
        condition = {"ticket.title": {"operator": "contains", "value": title}}
        listed = self._api.call("POST", "tickets/search", params={"expand": "true"}, json={"condition": condition})
        # The oldest: an agent may have merged or split it.
        return min((found["id"] for found in listed if title in found["title"]), default=None)

    def _new(self, ticket: Ticket) -> dict[str, Any]:
        address = header_address(ticket.contact_email or "")
        return {
            "title": subject(ticket),
            "group": self._group.replace("{queue}", ticket.queue),
            # Zammad has no ticket without a customer: without an address it is the token's own user.
            "customer_id": f"guess:{address}" if address else self._api.call("GET", "users/me")["id"],
            "priority_id": PRIORITY[ticket.priority],
            "tags": ",".join(ticket.tags),
            "article": {
                "subject": subject(ticket),
                "body": body(ticket),
                "content_type": "text/plain",
                "type": "note",
                # Customers see the articles of their own and of a shared organisation's tickets, internal ones never.
                "internal": True,
            },
        }
