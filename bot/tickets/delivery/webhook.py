"""Delivers tickets as signed JSON to an address, after the Standard Webhooks specification."""

from __future__ import annotations

import json
import time

import requests

from bot.tickets.delivery.http_api import NOT_NOW, may_have_arrived
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
        try:
            response = requests.post(
                self._url,
                data=body,
                headers=self._headers(attempt.key, body),
                timeout=self._answer_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            told = f"the webhook did not answer ({type(error).__name__})"
            raise DeliveryError(told, uncertain=may_have_arrived(error)) from error
        if response.ok and not response.is_redirect:
            return _external_id(response)
        told = f"the webhook answered {response.status_code} {response.reason}: {response.text[:200]}"
        raise DeliveryError(told, refused=response.status_code not in NOT_NOW)

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        plain = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key}
        return plain | sign(self._key, key, int(time.time()), body)


def _external_id(response: requests.Response) -> str | None:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return None
    found = answer.get("id") if isinstance(answer, dict) else None
    return None if found is None else str(found)[:200]
