"""Signs webhooks to help desks and checks the signatures of their messages, after the Standard Webhooks specification.

A signature is HMAC-SHA256 over `webhook-id.webhook-timestamp.body` (https://www.standardwebhooks.com).
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
    """A message is not signed as it must be; the text says what is wrong and how to mend it."""


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
        told = f"webhook-timestamp must be seconds since 1970 and webhook-id at most {_LONGEST_ID} characters long."
        raise SignatureError(told)
    right = sign(key, identity, int(timestamp), body)["webhook-signature"].encode()
    if not any(hmac.compare_digest(given.encode(), right) for given in signatures.split(" ")):
        told = "The signature is wrong; sign webhook-id.webhook-timestamp.body, as it is sent, with the common secret."
        raise SignatureError(told)
    if abs(at - int(timestamp)) > LEEWAY_SECONDS:
        told = f"The message is more than {LEEWAY_SECONDS} s old or ahead; set the clock, and sign each attempt anew."
        raise SignatureError(told)
    return identity
