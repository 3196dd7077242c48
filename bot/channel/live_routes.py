"""The page's routes for live conversations: a stream of what the agent does, and the customer's leaving and rating."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from sanic.request import Request
from sanic.response import HTTPResponse, empty

from bot.channel import headers
from bot.channel.live import LiveChats
from bot.channel.typed_text import safe_text
from bot.stores.live import NotLiveError, live_store
from bot.stores.sessions import Session, SessionError
from bot.tickets.model import TicketStoreError

logger = logging.getLogger(__name__)

_RATINGS = ("1", "2", "3", "4", "5")
_LONGEST_LINE = 2000
_ENDS = frozenset({"handed_back", "left", "agent_gone"})
Fields = Callable[..., Awaitable[list[str | None]]]


async def follow(chats: LiveChats, request: Request, session: Session) -> None:
    """Sends the rows after `?after=`, each as soon as it is applied, until the conversation is no longer live."""
    after = str(request.args.get("after", "0"))
    if not (after.isascii() and after.isdigit() and len(after) < 10):
        raise SessionError(400, "malformed")
    if request.stream is not None:
        request.stream.keep_alive = False  # a server that stops waits for connections, also those that rest
    response = await request.respond(content_type="text/event-stream", headers=headers.EVENT_STREAM)
    await response.send(":\n\n")
    try:
        async for row in chats.follow(session.conversation, int(after)):
            await response.send(
                "event: beat\ndata: {}\n\n" if row is None else f"event: row\ndata: {json.dumps(row)}\n\n"
            )
        if not chats.stopping:
            await response.send("event: done\ndata: {}\n\n")
    except (TicketStoreError, SessionError) as error:  # without `done` the page comes again
        logger.warning("A live conversation cannot be followed: %s", error)
    await response.eof()


async def change(fields: Fields, request: Request, session: Session) -> HTTPResponse:
    """Ends waiting or talking (`action` is `leave`), or takes a `rating` (1 to 5) with a `text` or without."""
    action, rating, text = await fields(request, "action", "rating", "text")
    if action == "leave":
        await asyncio.to_thread(live_store().leave, session.conversation)
    elif action == "rate" and rating in _RATINGS and len(text or "") <= _LONGEST_LINE:
        await asyncio.to_thread(_rate, session.conversation, int(rating), safe_text(text or "").text or None)
    else:
        raise SessionError(400, "malformed")
    return empty(204, headers=headers.DATA)


def _rate(conversation: str, rating: int, text: str | None) -> None:
    """Keeps a rating, one for each time that an agent was there."""
    ends = [row.uuid for row in live_store().after(conversation) if row.kind in _ENDS]
    try:
        live_store().append(conversation, "rated", f"rated-{ends[-1]}"[:64], text, rating=rating)
    except (IndexError, NotLiveError) as error:
        raise SessionError(409, "malformed") from error
