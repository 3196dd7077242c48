"""Delivers tickets to an API inbox of Chatwoot over its application API (https://developers.chatwoot.com)."""

from __future__ import annotations

import re
from typing import Any

from bot.text.mail import header_address
from bot.tickets.delivery.http_api import HttpApi
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError
from bot.tickets.model import Ticket

PRIORITY = {"low": "low", "normal": "medium", "high": "high", "urgent": "urgent"}
# A longer message is refused.
_MOST_CHARACTERS = 150_000
_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~&]|:(?=//)|(?<=\{)%")
_LINK_OR_MARKUP = re.compile(rf"https?://[^\s\\`{{}}\[\]<>|]+|{_MARKUP.pattern}")
_MARKUP_AT_THE_BEGINNING = re.compile(r"^( *\d*)([-+=.)#])", re.MULTILINE)
_INDENTATION = re.compile(r"^ +", re.MULTILINE)


class ChatwootTarget:
    """Opens a conversation for each ticket once, with the ticket as a private note that only agents see.

    Whether it is there already is looked up in Chatwoot's list of conversations by the number in the note. A
    conversation and its note are made by one request, its labels and its priority by further ones that may be repeated.

    Args:
        url: of Chatwoot.
        token: access token of an agent who belongs to the inbox.
        inbox: id of the API inbox.
        account: id of the account.
        team: name of the team that gets the conversations, empty for none; `{queue}` in it stands for the ticket's
            own queue.
        answer_seconds: how long an answer is waited for.
    """

    name = "chatwoot"

    def __init__(self, url: str, token: str, inbox: int, account: int, team: str, answer_seconds: float) -> None:
        base = f"{url.rstrip('/')}/api/v1/accounts/{account}"
        headers = {"api_access_token": token}
        self._api = HttpApi("Chatwoot", base, headers, answer_seconds, "BOT_TICKETS_CHATWOOT_TOKEN")
        self._inbox = inbox
        self._team = team

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Opens one conversation unless it is there; see `Target.deliver`."""
        ticket = attempt.ticket
        found = self._find(ticket)
        if found is None:
            found = self._api.create("conversations", self._new(attempt), attempt)
        path = f"conversations/{found['id']}"
        labels = set(found.get("labels") or [])
        if not labels.issuperset(ticket.tags):  # the list replaces the one that is there, with an agent's own labels
            self._api.call("POST", f"{path}/labels", json={"labels": sorted(labels.union(ticket.tags))})
        if not found.get("priority"):
            self._api.call("POST", f"{path}/toggle_priority", json={"priority": PRIORITY[ticket.priority]})
        return str(found["id"])

    def _find(self, ticket: Ticket) -> dict[str, Any] | None:
        asked = {"q": ticket.number, "inbox_id": self._inbox, "status": "all", "assignee_type": "all"}
        listed = self._api.call("GET", "conversations", params=asked)["data"]["payload"]
        # Another conversation may speak of this ticket.
        return next((each for each in listed if each["custom_attributes"].get("ticket") == ticket.number), None)

    def _new(self, attempt: DeliveryAttempt) -> dict[str, Any]:
        ticket = attempt.ticket
        facts = {"ticket": ticket.number, "queue": ticket.queue, "language": ticket.language, "intent": ticket.intent}
        text = as_markdown(f"{subject(ticket)}\n\n{body(ticket)}")
        new = {
            # Whoever knows it and the inbox can read the conversation's public part; so it is no guessable number.
            "source_id": attempt.key,
            "inbox_id": self._inbox,
            "contact_id": self._contact(ticket),
            "status": "open",
            "custom_attributes": {name: value for name, value in facts.items() if value},
            "message": {"content": text[:_MOST_CHARACTERS], "private": True},
        }
        return new | ({"team_id": self._team_id(ticket)} if self._team else {})

    def _contact(self, ticket: Ticket) -> int:
        """Returns the id of the contact with the customer's address, or of one of the ticket's own."""
        address = header_address(ticket.contact_email or "")
        field, value = ("email", address.lower()) if address else ("identifier", ticket.number)
        for found in self._api.call("GET", "contacts/search", params={"q": value})["payload"]:
            if (found.get(field) or "").lower() == value.lower():
                return int(found["id"])
        new = {"inbox_id": self._inbox, "name": value, field: value}
        return int(self._api.call("POST", "contacts", json=new)["payload"]["contact"]["id"])

    def _team_id(self, ticket: Ticket) -> int:
        name = self._team.replace("{queue}", ticket.queue)
        for team in self._api.call("GET", "teams"):
            if team["name"].lower() == name.lower():
                return int(team["id"])
        raise DeliveryError(f"Chatwoot has no team {name!r}; see BOT_TICKETS_CHATWOOT_TEAM", refused=True)


def as_markdown(text: str, keeps_links: bool = False) -> str:
    """Returns Markdown that shows a text as it is: without formats, HTML, mentions and Liquid's placeholders.

    Args:
        text: plain text.
        keeps_links: whether addresses in it stay links.
    """
    active = _LINK_OR_MARKUP if keeps_links else _MARKUP
    escaped = active.sub(lambda found: found[0] if found[0].startswith("http") else f"\\{found[0]}", text)
    escaped = _MARKUP_AT_THE_BEGINNING.sub(r"\1\\\2", escaped)
    # Four ordinary blanks at the beginning of a line would make it code.
    return _INDENTATION.sub(lambda blanks: "\u00a0" * len(blanks[0]), escaped)
