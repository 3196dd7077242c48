"""The page of a live conversation: take over, write, leave notes, transfer, hand back. The desk writes rows only."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, Refused, agent_of, back, field
from bot.desk.review import keep_as_case
from bot.stores.conversations import last_session
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
    rows = desk.live.after(conversation)
    present = desk.live.present()
    return desk.show(
        request,
        "live.html",
        state=state,
        rows=_since_wanted(rows),
        before=_before(desk, conversation, rows),
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
        return keep_as_case(desk, request, conversation, state.language)
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
    agent = agent_of(request)
    if state.state == "waiting" or (state.state != "none" and (state.agent == agent.name or agent.may("reviewer"))):
        return state
    if state.state == "live" and state.agent not in desk.live.present():  # whoever had it is gone; it can be taken
        return state
    raise Refused(404)


def _since_wanted(rows: Sequence[LiveRow]) -> list[LiveRow]:
    """Returns the rows since the customer last asked for a person."""
    wanted = [place for place, row in enumerate(rows) if row.kind == "wanted"]
    return list(rows[wanted[-1] :]) if wanted else list(rows)


def _before(desk: Desk, conversation: str, rows: Sequence[LiveRow]) -> list[Utterance]:
    """Returns what customer and bot said before the customer last asked for a person; the desk only reads it."""
    wanted = [row.at for row in rows if row.kind == "wanted"]
    until = wanted[-1].timestamp() if wanted else math.inf
    session = last_session(desk.conversations, conversation, _EVENTS_BEFORE)
    earlier = [event for event in session if event.get("timestamp", 0) < until]
    return [Utterance(line.speaker, clean(line.text), line.at) for line in transcript(earlier)]
