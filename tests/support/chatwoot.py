"""Stands in for Chatwoot 4.13 by its documents: developers.chatwoot.com (application API), webhooks' payloads."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import jsonschema

from tests.support.stand_in import Answer, Refusal, StandIn

TOKEN = "the-token-of-an-agent-of-the-inbox"
SECRET = "the-secret-that-chatwoot-has-made"
MADE_AT = 1795435200
INBOX = 4
_API = "/api/v1/accounts/1"
_TEXT, _WHOLE, _OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
_PAYLOADS: dict[str, dict[str, Any]] = {  # of the documented requests
    "conversation": {
        "source_id": _TEXT,
        "inbox_id": _WHOLE,
        "contact_id": _WHOLE,
        "additional_attributes": _OBJECT,
        "custom_attributes": _OBJECT,
        "status": {"enum": ["open", "resolved", "pending"]},
        "assignee_id": _WHOLE,
        "team_id": _WHOLE,
        "message": {"type": "object", "required": ["content"]},
    },
    "contact": {"inbox_id": _WHOLE, "name": _TEXT, "email": _TEXT, "phone_number": _TEXT, "identifier": _TEXT},
    "labels": {"labels": {"type": "array", "items": _TEXT}},
    "priority": {"priority": {"enum": ["urgent", "high", "medium", "low", None]}},
    "message": {"content": _TEXT, "message_type": {"enum": ["outgoing", "incoming"]}, "private": {"type": "boolean"}},
    "status": {"status": {"enum": ["open", "resolved", "pending"]}},
}
_REQUIRED = {"conversation": ["source_id"], "contact": ["inbox_id"], "labels": ["labels"], "message": ["content"]}


class Chatwoot(StandIn):
    """A Chatwoot with one account, an API inbox and the teams billing and payments.

    Attributes:
        conversations: what it has, with all of its messages.
        contacts: the contacts.
    """

    def __init__(self) -> None:
        self.conversations: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []
        creates = f"POST {_API}/conversations"
        routes = {
            creates: self.create,
            f"GET {_API}/conversations": self.conversations_list,
            rf"POST {_API}/conversations/(\d+)/labels": self.label,
            rf"POST {_API}/conversations/(\d+)/toggle_priority": self.prioritise,
            rf"POST {_API}/conversations/(\d+)/toggle_status": self.toggle_status,
            rf"GET {_API}/conversations/(\d+)": self.show,
            rf"POST {_API}/conversations/(\d+)/messages": self.write,
            f"GET {_API}/contacts/search": self.contacts_search,
            f"POST {_API}/contacts": self.contact,
            f"GET {_API}/teams": self.teams,
        }
        super().__init__(creates, routes)

    def authenticate(self, headers: dict[str, str]) -> None:
        """Checks the access token (`api_access_token`)."""
        if headers.get("api_access_token") != TOKEN:
            raise Refusal(401, "Invalid Access Token")

    def find(self, number: str) -> list[str]:
        """Returns the ids of what it has under a ticket number."""
        return [str(each["id"]) for each in self.conversations if each["custom_attributes"].get("ticket") == number]

    def create(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST conversations: the conversation and its first message in one transaction."""
        _check("conversation", body)
        if body["inbox_id"] != INBOX:
            raise Refusal(404, "Resource could not be found")
        contact = next(each for each in self.contacts if each["id"] == body["contact_id"])
        conversation = self.converse(body.get("status", "open"))
        conversation["custom_attributes"] = body.get("custom_attributes", {})
        conversation["contact_inbox"] = {"source_id": body["source_id"]}
        conversation["meta"] = {"sender": contact, "team": self._team(body.get("team_id"))}
        if "message" in body:
            self._say(conversation, body["message"])
        return 200, conversation

    def converse(self, status: str) -> dict[str, Any]:
        """Begins a conversation and returns it."""
        conversation: dict[str, Any] = {
            "id": len(self.conversations) + 1,
            "account_id": 1,
            "inbox_id": INBOX,
            "status": status,
            "priority": None,
            "labels": [],
            "custom_attributes": {},
            "contact_inbox": {},
            "meta": {},
            "created_at": MADE_AT,
            "updated_at": float(MADE_AT),
            "messages": [],
        }
        self.conversations.append(conversation)
        return conversation

    def conversations_list(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """GET conversations: with `q`, those with a message that contains it; 25 a page, of one status."""
        assert query.get("status") == "all", "otherwise closed ones are not listed"
        found = [
            {**each, "messages": each["messages"][-1:]}
            for each in reversed(self.conversations)
            if str(each["inbox_id"]) == query["inbox_id"]
            and any(query["q"].lower() in message["content"].lower() for message in each["messages"])
        ]
        return 200, {"data": {"meta": {"all_count": len(found)}, "payload": found[:25]}}

    def show(self, identity: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """GET conversations/{id}."""
        return 200, self.conversation(identity)

    def label(self, identity: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST labels: the list replaces the one before."""
        _check("labels", body)
        self.conversation(identity)["labels"] = body["labels"]
        return 200, {"payload": body["labels"]}

    def prioritise(self, identity: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST toggle_priority."""
        _check("priority", body)
        self.conversation(identity)["priority"] = body["priority"]
        return 200, None

    def toggle_status(self, identity: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST toggle_status: `open` from a bot hands the conversation over."""
        _check("status", body)
        self.conversation(identity)["status"] = body["status"]
        return 200, {"payload": {"success": True, "current_status": body["status"]}}

    def write(self, identity: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST messages."""
        _check("message", body)
        return 200, self._say(self.conversation(identity), body)

    def contacts_search(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """GET contacts/search: by a part of name, identifier, address or telephone number."""
        fields = ("name", "identifier", "email", "phone_number")
        found = [each for each in self.contacts if any(query["q"] in (each.get(field) or "") for field in fields)]
        return 200, {"meta": {"count": len(found)}, "payload": found[:15]}

    def contact(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """POST contacts; addresses and identifiers are unique."""
        _check("contact", body)
        for field in ("email", "identifier"):
            if body.get(field) and any(each.get(field) == body[field] for each in self.contacts):
                raise Refusal(422, f"{field.capitalize()} has already been taken")
        made = {"id": 10 + len(self.contacts), **{name: body[name] for name in body if name != "inbox_id"}}
        self.contacts.append(made)
        return 200, {"payload": {"contact": made, "contact_inbox": {"source_id": str(uuid.uuid4())}}}

    def teams(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """GET teams."""
        return 200, [self._team(1), self._team(2)]

    def conversation(self, identity: str) -> dict[str, Any]:
        """Returns one conversation.

        Raises:
            Refusal: there is none.
        """
        for each in self.conversations:
            if str(each["id"]) == identity:
                return each
        raise Refusal(404, "Resource could not be found")

    def webhook(
        self, payload: dict[str, Any], key: str = SECRET, late: int = 0, delivery: str = ""
    ) -> tuple[bytes, dict[str, str]]:
        """Returns body and headers of a webhook.

        Args:
            payload: the event.
            key: the secret; none signs nothing, as before 4.13.
            late: how many seconds ago it was signed.
            delivery: its id, which stays the same when it is sent again; without it, a new one.
        """
        body = json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "X-Chatwoot-Delivery": delivery or str(uuid.uuid4())}
        if key:
            timestamp = str(int(time.time()) - late)
            signature = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers |= {"X-Chatwoot-Timestamp": timestamp, "X-Chatwoot-Signature": f"sha256={signature}"}
        return body, headers

    def status_changed(self, identity: str, status: str, at: float) -> dict[str, Any]:
        """Returns the payload of `conversation_status_changed`."""
        conversation = self.conversation(identity)
        conversation.update(status=status, updated_at=at)
        return {**conversation, "event": "conversation_status_changed", "changed_attributes": []}

    def _say(self, conversation: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if len(body["content"]) > 150_000:
            raise Refusal(422, "Content is too long (maximum is 150000 characters)")
        message = {
            "id": sum(len(each["messages"]) for each in self.conversations) + 1,
            "content": body["content"],
            "message_type": body.get("message_type", "outgoing"),
            "private": body.get("private", False),
            "created_at": MADE_AT,
        }
        conversation["messages"].append(message)
        return message

    def _team(self, identity: int | None) -> dict[str, Any] | None:
        names = {1: "billing", 2: "payments"}
        return {"id": identity, "name": names[identity]} if identity else None


def _check(request: str, body: dict[str, Any]) -> None:
    schema = {
        "type": "object",
        "properties": _PAYLOADS[request],
        "required": _REQUIRED.get(request, []),
        "additionalProperties": False,
    }
    try:
        jsonschema.validate(body, schema)
    except jsonschema.ValidationError as error:
        raise Refusal(422, error.message) from error
