"""Reads the webhooks of Zammad and Chatwoot: who sent them, and what has become of which ticket."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from bot.tickets.numbers import find_number
from bot.tickets.signature import LEEWAY_SECONDS, SignatureError
from bot.tickets.status_reports import StatusSeen, closes

# Status of Zammad's, of Chatwoot's -> whether the ticket is closed by it.
_ZAMMAD = {"new": False, "open": False, "pending reminder": False, "pending close": False, "closed": True}
_CHATWOOT = {"open": False, "pending": False, "snoozed": False, "resolved": True}
UNREADABLE = (ArithmeticError, AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)
"""Errors that reading a message raises where it is not as the help desk sends it."""
_CHATWOOT_EVENTS = ("conversation_status_changed", "conversation_updated")


def check_zammad(key: bytes, headers: Mapping[str, str], body: bytes, at: float) -> None:
    """Checks that a message is from Zammad: HMAC-SHA1 of the body in `X-Hub-Signature`.

    Zammad signs no time; a message that was sent before counts less than what came after it (`StatusReports`).

    Args:
        key: the webhook's signature token.
        headers: of the request.
        body: of the request.
        at: the present moment, in seconds since 1970; not needed.

    Raises:
        SignatureError: it is not signed, or not by Zammad.
    """
    right = f"sha1={hmac.new(key, body, hashlib.sha1).hexdigest()}"
    _compare(headers.get("x-hub-signature", ""), right, "set the webhook's HMAC SHA1 Signature Token in Zammad")


def check_chatwoot(key: bytes, headers: Mapping[str, str], body: bytes, at: float) -> None:
    """Checks that a message is from Chatwoot (from 4.13), and new: HMAC-SHA256 of `timestamp.body`.

    Args:
        key: the secret of the webhook or agent bot.
        headers: of the request: `X-Chatwoot-Signature`, `X-Chatwoot-Timestamp`.
        body: of the request.
        at: the present moment, in seconds since 1970.

    Raises:
        SignatureError: it is not signed, not by Chatwoot, or its time is not now.
    """
    timestamp = headers.get("x-chatwoot-timestamp", "")
    right = f"sha256={hmac.new(key, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
    _compare(headers.get("x-chatwoot-signature", ""), right, "Chatwoot signs from 4.13, with the secret that it shows")
    if not (timestamp.isascii() and timestamp.isdigit() and abs(at - int(timestamp)) <= LEEWAY_SECONDS):
        raise SignatureError(f"The message is more than {LEEWAY_SECONDS} s old or ahead; set the clock.")


def _compare(given: str, right: str, remedy: str) -> None:
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise SignatureError(f"The message is {'signed by somebody else' if given else 'not signed'}; {remedy}.")


def read_zammad(message: Mapping[str, Any]) -> StatusSeen | None:
    """Returns what a message of Zammad's says of a ticket, None where it says nothing that is followed.

    Args:
        message: the default payload of a webhook.

    Raises:
        UNREADABLE: it is not what Zammad sends.
    """
    ticket = message["ticket"]
    is_closed = closes("zammad", _ZAMMAD, ticket["state"])
    if is_closed is None:
        return None
    at = datetime.fromisoformat(ticket["updated_at"].replace("Z", "+00:00"))
    return _seen(ticket["id"], find_number(ticket["title"]), is_closed, at)


def read_chatwoot(message: Mapping[str, Any]) -> StatusSeen | None:
    """Returns what a message of Chatwoot's says of a ticket, None where it says nothing that is followed.

    Args:
        message: an event of a webhook.

    Raises:
        UNREADABLE: it is not what Chatwoot sends.
    """
    if str(message["event"]) not in _CHATWOOT_EVENTS:
        return None
    number = message["custom_attributes"].get("ticket")
    is_closed = closes("chatwoot", _CHATWOOT, message["status"]) if number else None
    if is_closed is None:  # or a conversation that is no ticket
        return None
    at = datetime.fromtimestamp(float(message["updated_at"]), timezone.utc)
    return _seen(message["id"], str(number), is_closed, at)


@dataclass(frozen=True)
class Vendor:
    """A help desk whose own webhooks are understood.

    Args:
        title: its name in the history of a ticket.
        check: checks who has sent a message.
        read: reads a message's JSON; raises one of `UNREADABLE` where it is not the help desk's.
    """

    title: str
    check: Callable[[bytes, Mapping[str, str], bytes, float], None]
    read: Callable[[Mapping[str, Any]], StatusSeen | None]


VENDORS = {
    "zammad": Vendor("Zammad", check_zammad, read_zammad),
    "chatwoot": Vendor("Chatwoot", check_chatwoot, read_chatwoot),
}
"""Name of the target, as in the outbox -> the help desk."""


def _seen(identity: object, number: str | None, is_closed: bool, at: datetime) -> StatusSeen:
    # A clock that is ahead for a while must not have us miss what follows.
    return StatusSeen(str(identity), number, is_closed, min(at, datetime.now(timezone.utc)))
