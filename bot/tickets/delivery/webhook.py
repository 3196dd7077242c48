"""Delivers tickets as signed JSON to an address, after the Standard Webhooks specification."""

from __future__ import annotations

import json
import time

import requests

from bot.tickets.delivery.http_api import NOT_NOW, send
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError
from bot.tickets.model import as_json
from bot.tickets.signature import read_secret, sign

SCHEMA_VERSION = 1


class WebhookTarget:
    """Posts `docs/ticket.schema.json` to an address.

    It is signed (`bot/tickets/signature.py`); the header `Idempotency-Key` repeats the id, which stays the same when a
    delivery is repeated.

    Args:
        url: where to post.
        secret: known to both sides; after `whsec_` it is read as base64, as the specification writes it.
        answer_seconds: how long an answer is waited for.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, answer_seconds: float) -> None:
        self._answer_seconds = answer_seconds
        self._url = url
        self._key = read_secret(secret)

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Posts one ticket; see `Target.deliver`."""
        body = json.dumps({"version": SCHEMA_VERSION, "ticket": as_json(attempt.ticket)}, ensure_ascii=False).encode()
        attempt.ensure_time(self._answer_seconds)
        plain = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": attempt.key}
        headers = plain | sign(self._key, attempt.key, int(time.time()), body)
        sent = {"data": body, "headers": headers, "timeout": self._answer_seconds}
        response = send("the webhook", "POST", self._url, creates=True, **sent)
        if response.ok and not response.is_redirect:
            return _external_id(response)
        problem = f"the webhook answered {response.status_code} {response.reason}: {response.text[:200]}"
        raise DeliveryError(problem, refused=response.status_code not in NOT_NOW)


def _external_id(response: requests.Response) -> str | None:
    try:
        found = response.json()["id"]
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
    return None if found is None else str(found)[:200]
