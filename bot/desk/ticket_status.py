"""Takes signed messages of other help desks: what has become of a ticket there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.desk.desk import Desk
from bot.desk.gate import read_body
from bot.tickets.model import TicketNotFound
from bot.tickets.signature import SignatureError, check
from bot.tickets.status_messages import VENDORS
from bot.tickets.status_reports import CLOSES, StatusReports

Result = TypeVar("Result")
MOST_BYTES = 16 * 1024
# Zammad sends the ticket's last article and everybody concerned, too.
MOST_VENDOR_BYTES = 512 * 1024


class _MessageRefused(Exception):  # noqa: N818 - an answer rather than an error
    """A message cannot be taken in.

    Args:
        status: HTTP status of the answer.
        told: what is wrong, and how to mend it.
    """

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


async def take_status(desk: Desk, request: Request) -> Response:
    """Takes in `{"ticket": "T-48210-K7QX3M", "status": "closed"}`; the same message again does nothing.

    Args:
        desk: has the tickets, and the key that messages are signed with.
        request: the message; a refusal's body says how to mend it.
    """
    try:
        identity, number, status = await _read(desk.status_key, request)
        applied = await run_in_threadpool(StatusReports(desk.tickets).take_message, identity, number, status)
    except _MessageRefused as refused:
        return JSONResponse({"error": str(refused)}, refused.status)
    except TicketNotFound:
        told = "There is no such ticket; send its number as it was delivered, such as T-48210-K7QX3M."
        return JSONResponse({"error": told}, 404)
    return JSONResponse({"ticket": number, "status": status, "applied": applied})


async def take_vendor_status(desk: Desk, request: Request) -> Response:
    """Takes in a webhook of Zammad or Chatwoot as they send it; what says nothing new changes nothing.

    Args:
        desk: has the tickets, and the keys that messages are signed with.
        request: the message; a refusal's body says how to mend it.
    """
    name = request.path_params["vendor"]
    key, vendor = desk.vendor_keys.get(name), VENDORS.get(name)
    if not (key and vendor):
        told = f"That help desk may tell nothing here; set BOT_TICKETS_{name.upper()}_STATUS_SECRET."
        return JSONResponse({"error": told}, 404)
    try:
        body = await _body(request, MOST_VENDOR_BYTES)
        seen = _signed(vendor.seen, key, request, body)
    except _MessageRefused as refused:
        return JSONResponse({"error": str(refused)}, refused.status)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 422)
    reports = StatusReports(desk.tickets)
    applied = seen is not None and await run_in_threadpool(reports.take_pushed, name, vendor.title, seen)
    return JSONResponse({"applied": applied})


async def _body(request: Request, most: int) -> bytes:
    """Returns the body of a message.

    Args:
        request: the message.
        most: the largest body, in bytes.

    Raises:
        _MessageRefused: it is too large or too slow.
    """
    try:
        body = await read_body(request, most)
    except asyncio.TimeoutError as error:
        raise _MessageRefused(408, "The message took too long to arrive; send it again.") from error
    if body is None:
        raise _MessageRefused(413, f"The message is too large; send at most {most} bytes.")
    return body


def _signed(
    check: Callable[[bytes, Headers, bytes, float], Result], key: bytes, request: Request, body: bytes
) -> Result:
    """Returns what a check of a message's signature returns.

    Raises:
        _MessageRefused: it is not from whom it should be.
    """
    try:
        return check(key, request.headers, body, time.time())
    except SignatureError as error:
        raise _MessageRefused(401, str(error)) from error


async def _read(key: bytes | None, request: Request) -> tuple[str, str, str]:
    """Returns the message's id, the ticket's number and its status.

    Raises:
        _MessageRefused: it is none, or not from whom it should be.
    """
    if key is None:
        raise _MessageRefused(404, "No help desk may tell anything here; set BOT_TICKETS_STATUS_SECRET.")
    body = await _body(request, MOST_BYTES)
    identity = _signed(check, key, request, body)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _MessageRefused(422, f"The body is no JSON ({error}).") from error
    number, status = (message.get(name) if isinstance(message, dict) else None for name in ("ticket", "status"))
    if not (isinstance(number, str) and isinstance(status, str) and status in CLOSES):
        words = ", ".join(CLOSES)
        raise _MessageRefused(422, f'Send {{"ticket": its number, "status": one of {words}}}.')
    return identity, number, status
