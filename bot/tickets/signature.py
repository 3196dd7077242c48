"""Signs webhooks to help desks and checks the signatures of their messages.

After the Standard Webhooks specification (https://www.standardwebhooks.com), a signature is HMAC-SHA256 over
`webhook-id.webhook-timestamp.body`; Zammad and Chatwoot sign in ways of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

LEEWAY_SECONDS = 300
"""Seconds that a message's time may be from ours; whoever has caught one cannot send it later."""
_LONGEST_ID = 200


class SignatureError(ValueError):
    """A message is not signed as it must be; the text says what is wrong and how to correct it."""


def read_secret(secret: str) -> bytes:
    """Returns the key that a secret stands for; after `whsec_` it is read as base64, as the specification writes it.

    Raises:
        ValueError: it is no base64.
    """
    encoded = secret.removeprefix("whsec_")
    try:
        return secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the secret after whsec_ is no base64 ({error}).") from error


def sign(key: bytes, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns the headers that prove where a message comes from.

    Args:
        key: known to both sides.
        identity: of the message; stays the same when it is sent again.
        timestamp: when this attempt is made, in seconds since 1970.
        body: of the request.
    """
    digest = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": identity, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def check(key: bytes, headers: Mapping[str, str], body: bytes, at: float) -> str:
    """Checks who has sent a message, and when; returns its id.

    Args:
        key: known to both sides.
        headers: of the request; `webhook-signature` may hold several signatures, one of which must be right.
        body: of the request.
        at: the present moment, in seconds since 1970.

    Raises:
        SignatureError: it is not signed, not by the other side, or its time is not now.
    """
    identity, timestamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (identity and timestamp and signatures):
        raise SignatureError(
            "The message is not signed; send webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks)."
        )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 and len(identity) <= _LONGEST_ID):
        problem = f"webhook-timestamp must be seconds since 1970 and webhook-id at most {_LONGEST_ID} characters long."
        raise SignatureError(problem)
    right = sign(key, identity, int(timestamp), body)["webhook-signature"].encode()
    if not any(hmac.compare_digest(given.encode(), right) for given in signatures.split(" ")):
        problem = (
            "The signature is wrong; sign webhook-id.webhook-timestamp.body, as it is sent, with the common secret."
        )
        raise SignatureError(problem)
    if abs(at - int(timestamp)) > LEEWAY_SECONDS:
        problem = (
            f"The message is more than {LEEWAY_SECONDS} s old or ahead; set the clock, and sign each attempt anew."
        )
        raise SignatureError(problem)
    return identity


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
