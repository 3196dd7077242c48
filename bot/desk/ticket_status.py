"""Receives signed webhooks by which other help desks tell the status of tickets that were delivered to them."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.desk.desk import Desk
from bot.desk.gate import read_body
from bot.tickets.model import TicketNotFound
from bot.tickets.signature import SignatureError, check
from bot.tickets.status_reports import CLOSES, UNREADABLE, VENDORS, StatusReports

MOST_BYTES = 16 * 1024
# Zammad sends the ticket's last article and everybody concerned, too.
MOST_VENDOR_BYTES = 512 * 1024


async def take_status(desk: Desk, request: Request) -> Response:
    """Takes in the status of a ticket at another help desk; a refusal's body says how to correct it.

    Args:
        desk: has the tickets, and the keys that messages are signed with.
        request: the message: a webhook of the `vendor` that its path names, as they send it, or
            `{"ticket": "T-48210-K7QX3M", "status": "closed"}`. The same message again does nothing.
    """
    take = _take_webhook if "vendor" in request.path_params else _take_message
    try:
        return JSONResponse(await take(desk, request))
    except HTTPException as refused:
        return JSONResponse({"error": refused.detail}, refused.status_code)
    except SignatureError as error:
        return JSONResponse({"error": str(error)}, 401)
    except TicketNotFound:
        problem = "There is no such ticket; send its number as it was delivered, such as T-48210-K7QX3M."
        return JSONResponse({"error": problem}, 404)


async def _take_webhook(desk: Desk, request: Request) -> dict[str, Any]:
    """Takes in a webhook of Zammad or Chatwoot; what says nothing new changes nothing."""
    name = request.path_params["vendor"]
    vendor, secret = VENDORS.get(name), getattr(desk.settings, f"tickets_{name}_status_secret", None)
    if not (vendor and secret):
        raise HTTPException(404, f"That help desk may tell nothing here; set BOT_TICKETS_{name.upper()}_STATUS_SECRET.")
    body = await read_body(request, MOST_VENDOR_BYTES)
    vendor.check(secret.get_secret_value().encode(), request.headers, body, time.time())
    try:
        seen = vendor.read(json.loads(body))
    except UNREADABLE as error:
        raise HTTPException(422, f"{vendor.title} sends its default payload otherwise ({error!r}).") from error
    take = StatusReports(desk.tickets).take
    return {"applied": seen is not None and bool(await run_in_threadpool(take, name, vendor.title, [seen], True))}


async def _take_message(desk: Desk, request: Request) -> dict[str, Any]:
    """Takes in a message of any other help desk."""
    if desk.status_key is None:
        raise HTTPException(404, "No help desk may tell anything here; set BOT_TICKETS_STATUS_SECRET.")
    body = await read_body(request, MOST_BYTES)
    identity = check(desk.status_key, request.headers, body, time.time())
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"The body is no JSON ({error}).") from error
    number, status = (message.get(name) if isinstance(message, dict) else None for name in ("ticket", "status"))
    if not (isinstance(number, str) and isinstance(status, str) and status in CLOSES):
        raise HTTPException(422, f'Send {{"ticket": its number, "status": one of {", ".join(CLOSES)}}}.')
    applied = await run_in_threadpool(StatusReports(desk.tickets).take_message, identity, number, status)
    return {"ticket": number, "status": status, "applied": applied}
