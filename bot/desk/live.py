"""The desk's page of a live conversation: take over, write, leave notes, transfer, hand back, keep as a test.

What an agent does there is written as rows into the tickets' database, except for the test; the process that serves the
bot applies them to the conversation (bot/channel/live.py).
"""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.accounts import Agent
from bot.desk.desk import Desk, Refused, agent_of, back, field
from bot.desk.review import keep_as_case
from bot.desk.steps import steps_for
from bot.stores.conversations import EVENTS
from bot.stores.live import LiveRow, LiveState, NotLiveError
from bot.tickets.handling import clean
from bot.tickets.model import Utterance
from bot.tickets.transcript import transcript

# Enough to know what it is about.
_EVENTS_BEFORE = 200
_LONGEST_MESSAGE = 2000


def live_page(desk: Desk, request: Request) -> Response:
    """Shows a conversation that waits or is live, with what was said to the bot before."""
    state = visible_state(desk, request, request.path_params["conversation"])
    conversation, agent = state.conversation_id, agent_of(request).name
    desk.note_seen(request, "conversation", conversation)
    rows, before = _history(desk, conversation)
    known = {event["name"]: event["value"] for event in before if event["event"] == "slot" and event["value"]}
    present = desk.live.present()
    return desk.show(
        request,
        "live.html",
        state=state,
        rows=rows,
        before=[Utterance(line.speaker, clean(line.text), line.at) for line in transcript(before)],
        steps=steps_for(desk, request, known.get("issue") or state.intent, known.get("product"), state.language),
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
    mine = EVENTS.c.sender_id == conversation
    query = select(EVENTS.c.data).where(mine).order_by(EVENTS.c.id.desc()).limit(_EVENTS_BEFORE)
    taken = next((row.uuid for row in rows if row.kind == "taken"), None)
    with desk.conversations.connect() as connection:
        # The bot falls silent at its turn, so places in the tracker count, and not the time.
        pauses = select(EVENTS.c.id, EVENTS.c.data).where(mine, EVENTS.c.type_name == "pause")
        for pause in connection.execute(pauses) if taken else ():
            if (json.loads(pause.data).get("metadata") or {}).get("live") == taken:
                query = query.where(EVENTS.c.id < pause.id)
        newest = [json.loads(row.data) for row in connection.execute(query)]
    return rows, list(itertools.takewhile(lambda event: event["event"] != "session_started", newest))[::-1]
