"""Defines data classes: an event and the state of a live conversation with an agent; `stores/live.py` keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal[
    "wanted", "taken", "agent_text", "customer_text", "note", "handed_back", "left", "nobody", "agent_gone", "rated"
]
State = Literal["none", "waiting", "live", "ended"]


class NotLiveError(RuntimeError):
    """A row may not be written: the conversation is not live or another agent's, or the UUID is another row's."""


@dataclass(frozen=True)
class LiveRow:
    """Something that happened in a live conversation.

    Args:
        sequence: its place in the conversation, from 1.
        uuid: given by the sender; the same one twice in a conversation is one row.
        kind: a person was `wanted`; an agent has `taken` the conversation (another one: it was transferred); texts;
            a `note` for agents only; how it ended: `handed_back` by the agent, `left` by the customer, `nobody` came,
            `agent_gone`; `rated` by the customer, with a line or without.
        text: masked.
        agent: the agent's name as the customer sees it.
        rating: 1 to 5, of `rated` only.
    """

    conversation_id: str
    sequence: int
    uuid: str
    kind: Kind
    text: str | None
    agent: str | None
    rating: int | None
    at: datetime


@dataclass(frozen=True)
class LiveState:
    """State of a conversation.

    Args:
        state: `none` where nobody has ever asked for a person.
        agent: who has or had it last.
        since: when it got into this state, or to this agent.
        language: what the customer is answered in.
        intent: the issue at hand, None if none was recognised.
        queue: who handles it.
        sequence: of the newest row.
        applied: of the newest row that the serving process has applied.
    """

    conversation_id: str
    state: State = "none"
    agent: str | None = None
    since: datetime | None = None
    language: str = ""
    intent: str | None = None
    queue: str = ""
    sequence: int = 0
    applied: int = 0
