"""Streams to an open page of the desk that something has changed, and pings; the page's beats show its agent present.

The stream does not say what has changed: the page reads itself anew. An open stream alone is no sign of presence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.desk.desk import Desk, agent_of
from bot.desk.inbox import fingerprint
from bot.desk.live import visible_state
from bot.stores import DatabaseError

_PING_SECONDS = 10
"""Time between two questions whether the agent is present; three without an answer, and they are gone."""
_LOOK_SECONDS = 0.2
_LOOK_AT_INBOX_SECONDS = 1.0


def events(desk: Desk, request: Request) -> Response:
    """Streams server-sent events: `change` when the page should be read anew, `ping` to be answered with a beat.

    The query's `conversation` names the live conversation that the page shows; without it, the page is the inbox.

    Raises:
        Refused: the agent may not see that conversation.
    """
    conversation = request.query_params.get("conversation")
    if conversation:
        visible_state(desk, request, conversation)

    def look() -> Any:
        return desk.live.state(conversation) if conversation else fingerprint(desk)

    async def stream() -> AsyncIterator[str]:
        seen: Any = None
        pinged = -float(_PING_SECONDS)
        while True:
            try:
                if time.monotonic() - pinged >= _PING_SECONDS:
                    if await run_in_threadpool(desk.accounts.agent_of, request.state.secret) is None:
                        yield "event: over\ndata:\n\n"  # signed out, or the account is gone
                        return
                    pinged = time.monotonic()
                    yield "event: ping\ndata:\n\n"
                found = await run_in_threadpool(look)
            except DatabaseError:  # the page comes again
                return
            if found != seen:
                seen = found
                yield "event: change\ndata:\n\n"
            await asyncio.sleep(_LOOK_SECONDS if conversation else _LOOK_AT_INBOX_SECONDS)

    return StreamingResponse(stream(), media_type="text/event-stream")


def beat(desk: Desk, request: Request) -> Response:
    """Notes that the agent is present: only their own browser can say so, not a connection that nobody has closed."""
    desk.live.beat(agent_of(request).name)
    return Response(status_code=204)
