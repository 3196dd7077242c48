"""Live conversations on the desk: their page, what agents do there, and the events by which open pages stay up to date.

What an agent does there is written as rows into the tickets' database, except for a test case; the process that serves
the bot applies them to the conversation (bot/channel/live.py).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.desk.accounts import Agent
from bot.desk.desk import Desk, Refused, agent_of, back, field
from bot.desk.review import keep_as_case
from bot.stores import DatabaseError
from bot.stores.conversations import EVENTS, last_session
from bot.stores.live import LiveRow, LiveState, NotLiveError
from bot.tickets.handling import clean
from bot.tickets.model import Utterance
from bot.tickets.tables import TICKETS
from bot.tickets.transcript import transcript

# Enough to know what it is about.
_EVENTS_BEFORE = 200
_LONGEST_MESSAGE = 2000
_PING_SECONDS = 10.0
"""Time between two questions whether the agent is present; three without an answer, and they are gone."""
_LOOK_SECONDS = 0.2
_LOOK_AT_INBOX_SECONDS = 1.0


def live_page(desk: Desk, request: Request) -> Response:
    """Shows a conversation that waits or is live, with what was said to the bot before."""
    state = visible_state(desk, request, request.path_params["conversation"])
    conversation, agent = state.conversation_id, agent_of(request).name
    desk.note(request, "see conversation", conversation)
    rows, before = _history(desk, conversation)
    known = {event["name"]: event["value"] for event in before if event["event"] == "slot" and event["value"]}
    present = desk.live.present()
    return desk.show(
        request,
        "live.html",
        state=state,
        rows=rows,
        before=[Utterance(line.speaker, clean(line.text), line.at) for line in transcript(before)],
        steps=desk.steps(request, known.get("issue") or state.intent, known.get("product"), state.language),
        is_mine=state.state == "live" and state.agent == agent,
        may_take=state.state == "waiting" or (state.state == "live" and state.agent not in (agent, *present)),
        present=[name for name in present if name != agent],
        uuid=uuid.uuid4(),
        longest=_LONGEST_MESSAGE,
    )


def change_live(desk: Desk, request: Request) -> Response:
    """Does what a form of the page asks for; what somebody else has made impossible meanwhile is answered by 409."""
    state = visible_state(desk, request, request.path_params["conversation"])
    live, conversation, agent = desk.live, state.conversation_id, agent_of(request).name
    action = field(request, "action")
    live.beat(agent)
    if action == "case":
        _, events = _history(desk, conversation)
        return keep_as_case(desk, request, conversation, events, state.language)
    done = True
    if action == "take":
        done = live.take(conversation, agent)
    elif action in ("agent_text", "note"):
        text, identity = field(request, "text", _LONGEST_MESSAGE), field(request, "uuid", 64)
        try:
            live.append(conversation, "note" if action == "note" else "agent_text", identity, text, agent)
        except NotLiveError:
            done = False
    elif action == "transfer":
        done = live.transfer(conversation, agent, field(request, "value"))
    elif action == "hand_back":
        done = live.hand_back(conversation, agent)
    else:
        raise Refused(422)
    if not done:
        raise Refused(409)
    desk.note(request, f"{action} conversation", conversation)
    return back("/" if action in ("transfer", "hand_back") else request.url.path)


def visible_state(desk: Desk, request: Request, conversation: str) -> LiveState:
    """Returns the state of a conversation that the agent may see.

    Args:
        desk: its stores.
        request: of the agent.
        conversation: its id.

    Raises:
        Refused: nobody has asked for a person in it, or it is another agent's and the agent is no reviewer.
    """
    state = desk.live.state(conversation)
    if not may_see(desk, agent_of(request), state):
        raise Refused(404)
    return state


def may_see(desk: Desk, agent: Agent, state: LiveState) -> bool:
    """Tells whether an agent may see a conversation that is in a state."""
    if state.state == "waiting" or (state.state != "none" and (state.agent == agent.name or agent.may("reviewer"))):
        return True
    return state.state == "live" and state.agent not in desk.live.present()  # whoever had it is gone; it can be taken


def _history(desk: Desk, conversation: str) -> tuple[list[LiveRow], list[dict[str, Any]]]:
    """Returns what happened in a conversation; the desk only reads it.

    Args:
        desk: its stores.
        conversation: its id.

    Returns:
        The rows since the customer last asked for a person, and the tracker's events until an agent took it over.
    """
    rows = desk.live.after(conversation)
    wanted = [place for place, row in enumerate(rows) if row.kind == "wanted"]
    rows = rows[wanted[-1] :] if wanted else rows
    taken = next((row.uuid for row in rows if row.kind == "taken"), None)
    # The bot falls silent only when it is its turn, so the place of its pause counts, and not the time.
    pause = _pause(desk, conversation, taken) if taken else None
    return rows, last_session(desk.conversations, conversation, _EVENTS_BEFORE, pause)


def _pause(desk: Desk, conversation: str, taken: str) -> int | None:
    """Returns the id of the `pause` event in the tracker by which the bot fell silent; None where there is none.

    Args:
        desk: its stores.
        conversation: its id.
        taken: UUID of the row by which an agent took the conversation over.
    """
    pauses = select(EVENTS).filter_by(sender_id=conversation, type_name="pause")
    with desk.conversations.connect() as connection:
        found = {row.id: json.loads(row.data).get("metadata") or {} for row in connection.execute(pauses)}
    return min((identity for identity, metadata in found.items() if metadata.get("live") == taken), default=None)


def stream_events(desk: Desk, request: Request) -> Response:
    """Streams server-sent events: `change` when the page should be read anew, `ping` to be answered with a beat.

    The query's `conversation` names the live conversation that the page shows; without it, the page is the inbox. What
    has changed is not said: the page reads itself anew. An open stream alone is no sign that the agent is present.

    Raises:
        Refused: the agent may not see that conversation.
    """
    conversation = request.query_params.get("conversation")
    if conversation:
        visible_state(desk, request, conversation)

    def look() -> Any:
        return desk.live.state(conversation) if conversation else _inbox_state(desk)

    async def stream() -> AsyncIterator[str]:
        seen: Any = None
        pinged = -_PING_SECONDS
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


def _inbox_state(desk: Desk) -> tuple[Any, ...]:
    """Returns a value that changes with the inbox."""
    newest = select(func.max(TICKETS.c.updated_at)).scalar_subquery()  # each reads an index, together they would not
    count = select(func.count()).select_from(TICKETS).scalar_subquery()
    tickets = desk.tickets.rows(select(newest, count))[0]
    waiting = tuple((each.conversation_id, each.state, each.agent) for each in desk.live.waiting())
    return (*tickets, waiting, tuple(desk.live.present()))


def beat(desk: Desk, request: Request) -> Response:
    """Notes that the agent is present: only their own browser can say so, not a connection that nobody has closed."""
    desk.live.beat(agent_of(request).name)
    return Response(status_code=204)
