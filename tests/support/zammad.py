"""Stands in for Zammad by its documents: docs.zammad.org (REST API) and admin-docs.zammad.org (webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import Any

from tests.support.stand_in import Answer, Refusal, StandIn

TOKEN = "the-token-of-an-agent"
SECRET = "the signature token of the webhook"
MADE_AT = "2026-11-23T12:00:00.000Z"
PRIORITIES = {1: "1 low", 2: "2 normal", 3: "3 high"}
BOT = {"id": 3, "login": "bot@help.example", "email": "bot@help.example"}


class Zammad(StandIn):
    """A Zammad with the groups Users and payments, and one agent.

    Attributes:
        tickets: what it has, with its tags and articles.
        customers: address -> id of the user.
    """

    def __init__(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.customers: dict[str, int] = {}
        creates = "POST /api/v1/tickets"
        routes = {
            creates: self.create,
            "POST /api/v1/tickets/search": self.search,
            "GET /api/v1/users/me": self.me,
        }
        super().__init__(creates, routes)

    def authenticate(self, headers: dict[str, str]) -> None:
        """Checks the access token (`Authorization: Token token=...`)."""
        if headers.get("authorization") != f"Token token={TOKEN}":
            raise Refusal(401, "Authentication required")

    def find(self, number: str) -> list[str]:
        """Returns the ids of what it has under a ticket number."""
        return [str(ticket["id"]) for ticket in self.tickets if f"[{number}]" in ticket["title"]]

    def me(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """GET users/me: the user whose token it is."""
        return 200, BOT

    def search(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST tickets/search with a condition, as triggers and overviews have it."""
        if "query" in query or "query" in body:
            raise AssertionError("the search index lags behind; a condition asks the database")
        ((field, condition),) = body["condition"].items()
        assert (field, condition["operator"]) == ("ticket.title", "contains")
        found = [ticket for ticket in self.tickets if condition["value"].lower() in ticket["title"].lower()]
        return 200, [{name: each[name] for name in each if name not in ("tags", "articles")} for each in found]

    def create(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST tickets."""
        known = {"title", "group", "customer_id", "priority_id", "tags", "article"}
        assert body.keys() <= known, body.keys() - known
        if body["group"] not in ("Users", "payments"):
            raise Refusal(422, f"No lookup value found for 'group': {body['group']!r}")
        if body["priority_id"] not in PRIORITIES or len(body["title"]) > 250:
            raise Refusal(422, "Invalid ticket")
        ticket = {
            "id": len(self.tickets) + 1,
            "number": str(22001 + len(self.tickets)),
            "title": body["title"],
            "group": body["group"],
            "priority_id": body["priority_id"],
            "priority": PRIORITIES[body["priority_id"]],
            "state": "new",
            "customer_id": self._customer(body["customer_id"]),
            "customer": str(body["customer_id"]).removeprefix("guess:"),
            "created_at": MADE_AT,
            "updated_at": MADE_AT,
            "tags": body["tags"].split(","),
            "articles": [{"sender": "Agent", **body["article"]}],
        }
        self.tickets.append(ticket)
        return 201, {**{name: ticket[name] for name in ticket if name not in ("tags", "articles")}, "article_ids": [1]}

    def _customer(self, customer: int | str) -> int:
        if not isinstance(customer, str):
            return customer
        address = customer.removeprefix("guess:").lower()
        if address == customer or "@" not in address:
            raise Refusal(422, f"Invalid email '{address}' of customer")
        return self.customers.setdefault(address, 10 + len(self.customers))

    def webhook(self, identity: str, state: str, at: str, key: str = SECRET) -> tuple[bytes, dict[str, str]]:
        """Returns body and headers of a trigger's webhook, with the default payload.

        Args:
            identity: of the ticket.
            state: the ticket's state.
            at: when the ticket was changed.
            key: the signature token; none signs nothing.
        """
        ticket = next(each for each in self.tickets if str(each["id"]) == identity)
        ticket.update(state=state, updated_at=at)
        sent = {name: ticket[name] for name in ticket if name not in ("tags", "articles")}
        customer = {"id": ticket["customer_id"], "email": ticket["customer"]}
        article = ticket["articles"][-1] | {"id": 1, "created_at": MADE_AT}
        body = json.dumps({"ticket": {**sent, "customer": customer}, "article": article}).encode()
        headers = {
            "User-Agent": "Zammad User Agent",
            "X-Zammad-Trigger": "tell the billing bot",
            "X-Zammad-Delivery": str(uuid.uuid4()),
        }
        if key:
            headers["X-Hub-Signature"] = f"sha1={hmac.new(key.encode(), body, hashlib.sha1).hexdigest()}"
        return body, headers
