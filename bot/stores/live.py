"""Live conversations of customers with agents: append-only rows, and one state for each conversation.

Whoever writes locks the state of the conversation first, so that its rows have one order and a change of the state
happens once. The desk only writes rows; the serving process applies them to conversation and page, in this order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import insert, or_, select, true, update
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select
from sqlalchemy.sql.elements import ColumnElement

from bot.settings import get_settings
from bot.text.characters import readable
from bot.text.masking import mask
from bot.tickets.database import TicketDatabase
from bot.tickets.live_model import Kind, LiveRow, LiveState, NotLiveError
from bot.tickets.model import now
from bot.tickets.priority import assess
from bot.tickets.tables import LIVE_AGENTS, LIVE_ROWS, LIVE_STATES, OUTCOMES, UNFINISHED, fields_of

__all__ = ["LiveRow", "LiveState", "NotLiveError"]
PRESENT_SECONDS = 30
"""An agent without a heartbeat for longer is gone."""
WAIT_SECONDS = 120
"""Seconds that a customer waits for an agent before the bot offers a ticket."""
GONE_SECONDS = 180
"""Seconds that the customer of an agent who is gone waits before the bot offers a ticket."""
_GOES_ON = LIVE_STATES.c.state.in_(("waiting", "live"))
_OPENING = Lock()


class LiveStore(TicketDatabase):
    """Rows and states of live conversations, in the database of tickets.

    Args:
        url: SQLAlchemy's notation of the database.

    Raises:
        TicketStoreError: the database cannot be used; so do all methods.
    """

    # What the desk does

    def beat(self, agent: str) -> None:
        """Records a heartbeat of an agent; called at least every 10 seconds while the desk is open."""
        beat_at = now()
        beaten = self._insert(LIVE_AGENTS).values(agent=agent, beat_at=beat_at)
        beaten = beaten.on_conflict_do_update(index_elements=[LIVE_AGENTS.c.agent], set_={"beat_at": beat_at})
        with self.writing() as connection:
            connection.execute(beaten)

    def sign_out(self, agent: str) -> None:
        """Records that an agent has left; their live conversations end as those of one without heartbeats do."""
        gone = now() - timedelta(seconds=PRESENT_SECONDS)
        with self.writing() as connection:
            connection.execute(update(LIVE_AGENTS).where(LIVE_AGENTS.c.agent == agent).values(beat_at=gone))

    def present(self) -> list[str]:
        """Returns the agents who are present."""
        return [row.agent for row in self.rows(select(LIVE_AGENTS).where(_present()).order_by(LIVE_AGENTS.c.agent))]

    def waiting(self) -> list[LiveState]:
        """Returns the conversations that wait for an agent or have one, in the order in which they began to."""
        return self._states(select(LIVE_STATES).where(_GOES_ON).order_by(LIVE_STATES.c.since))

    def ended_with(self, agent: str, since: datetime) -> list[LiveState]:
        """Returns the conversations that have ended since a moment and were an agent's last, the newest first."""
        mine = (LIVE_STATES.c.agent == agent) & (LIVE_STATES.c.state == "ended") & (LIVE_STATES.c.since > since)
        return self._states(select(LIVE_STATES).where(mine).order_by(LIVE_STATES.c.since.desc()))

    def take(self, conversation: str, agent: str) -> bool:
        """Gives a conversation that waits, or whose agent is gone, to an agent; False if another one has it."""
        with self.writing() as connection:
            state = _locked(connection, conversation)
            if _is_live(state, agent):
                return True
            if state.state in ("none", "ended") or (state.state == "live" and _is_present(connection, state.agent)):
                return False
            _add(connection, state, "taken", {"agent": agent}, {"state": "live", "agent": agent})
            # Else they would count as left without a word.
            left = (OUTCOMES.c.conversation_id == conversation) & (OUTCOMES.c.outcome == "abandoned")
            connection.execute(update(OUTCOMES).where(left).values(outcome="with_agent", at=now()))
            return True

    def transfer(self, conversation: str, agent: str, to: str) -> bool:
        """Gives an agent's conversation to another agent; False if it is not the agent's or the other one is gone."""
        with self.writing() as connection:
            state = _locked(connection, conversation)
            if not _is_live(state, agent) or not _is_present(connection, to):
                return False
            _add(connection, state, "taken", {"agent": to}, {"state": "live", "agent": to})
            return True

    def hand_back(self, conversation: str, agent: str) -> bool:
        """Gives an agent's conversation back to the bot; False if it is not the agent's (any longer)."""
        own = (LIVE_STATES.c.state == "live") & (LIVE_STATES.c.agent == agent)
        return self._end(conversation, "handed_back", own)

    # What both do

    def append(
        self,
        conversation: str,
        kind: Literal["agent_text", "customer_text", "note", "rated"],
        uuid: str,
        text: str | None = None,
        agent: str | None = None,
        rating: int | None = None,
    ) -> int:
        """Adds a row, unless it is there already, and returns its sequence.

        Args:
            conversation: where somebody has asked for a person.
            kind: texts of either side, a note for agents, the customer's rating.
            uuid: made by the sender, once; a retry has the same, and what an agent writes anew has another one.
            text: card and account numbers are hidden on the way in.
            agent: who writes; None for the customer.
            rating: 1 to 5, with `rated`.

        Raises:
            NotLiveError: a text to a conversation that is not live, or not this agent's; a rating where no agent was,
                or still is; what an agent writes with the UUID of something else.
        """
        row = {"uuid": uuid, "text": text and mask(readable(text)).text, "agent": agent, "rating": rating}
        with self.writing() as connection:
            state = _locked(connection, conversation)
            same = (LIVE_ROWS.c.conversation_id == conversation) & (LIVE_ROWS.c.uuid == uuid)
            known = connection.execute(select(LIVE_ROWS).where(same)).one_or_none()
            if known is not None:
                if agent and (known.kind, known.text, known.agent) != (kind, row["text"], agent):
                    raise NotLiveError(f"row {uuid} of conversation {conversation} is another one.")
                return int(known.sequence)
            if not _may(state, kind, agent):
                raise NotLiveError(f"conversation {conversation} takes no `{kind}` now.")
            return _add(connection, state, kind, row)

    def after(self, conversation: str, sequence: int = 0) -> list[LiveRow]:
        """Returns the rows of a conversation after one of them, in their order."""
        mine = (LIVE_ROWS.c.conversation_id == conversation) & (LIVE_ROWS.c.sequence > sequence)
        query = select(LIVE_ROWS).where(mine).order_by(LIVE_ROWS.c.sequence)
        return [LiveRow(**fields_of(LiveRow, row)) for row in self.rows(query)]

    def state(self, conversation: str) -> LiveState:
        """Returns the state of a conversation."""
        found = self._states(select(LIVE_STATES).where(LIVE_STATES.c.conversation_id == conversation))
        return found[0] if found else LiveState(conversation)

    # What the serving process does

    def want(self, conversation: str, language: str, intent: str | None) -> bool:
        """Makes a conversation wait for an agent; False if it does so already, or has one.

        Args:
            conversation: its id.
            language: what the customer is answered in.
            intent: the issue at hand, None if none was recognised.
        """
        known = {"language": language, "intent": intent, "queue": assess(intent, (), None).queue}
        values = {"state": "ended", "since": now(), "sequence": 0, "applied": 0, **known}
        new = self._insert(LIVE_STATES).values(conversation_id=conversation, **values).on_conflict_do_nothing()
        with self.writing() as connection:
            connection.execute(new)
            state = _locked(connection, conversation)
            if state.state != "ended":
                return False
            _add(connection, state, "wanted", {}, {"state": "waiting", "agent": None, **known})
            return True

    def leave(self, conversation: str) -> bool:
        """Ends waiting for an agent, or talking to one, as the customer wishes; False if neither is so."""
        return self._end(conversation, "left", _GOES_ON)

    def give_up(self) -> int:
        """Ends conversations that nobody takes or whose agent is gone for too long; returns how many it were."""
        waited, gone = (now() - timedelta(seconds=seconds) for seconds in (WAIT_SECONDS, GONE_SECONDS))
        agents = select(LIVE_AGENTS.c.agent).where(LIVE_AGENTS.c.beat_at > gone)
        late = (LIVE_STATES.c.state == "waiting") & (LIVE_STATES.c.since < waited)
        alone = (LIVE_STATES.c.state == "live") & (LIVE_STATES.c.since < gone) & LIVE_STATES.c.agent.notin_(agents)
        query = select(LIVE_STATES.c.conversation_id, LIVE_STATES.c.state).where(or_(late, alone))
        return sum(
            self._end(name, "nobody", late) if state == "waiting" else self._end(name, "agent_gone", alone)
            for name, state in self.rows(query)  # most often none: only then is anything locked
        )

    def unfinished(self) -> list[LiveState]:
        """Returns the conversations that wait, are live, or have rows that are not applied yet."""
        return self._states(select(LIVE_STATES).where(UNFINISHED))

    def note_applied(self, conversation: str, sequence: int) -> None:
        """Notes that the serving process has applied the rows up to one of them."""
        mine = (LIVE_STATES.c.conversation_id == conversation) & (LIVE_STATES.c.applied < sequence)
        with self.writing() as connection:
            connection.execute(update(LIVE_STATES).where(mine).values(applied=sequence))

    def _states(self, query: Select) -> list[LiveState]:
        return [LiveState(**fields_of(LiveState, row)) for row in self.rows(query)]

    def _end(self, conversation: str, kind: Kind, wanted: ColumnElement[bool]) -> bool:
        """Ends a conversation with a row of this kind, if its state is as wanted; tells whether it was."""
        with self.writing() as connection:
            state = _locked(connection, conversation, wanted)
            if state.state == "none":
                return False
            _add(connection, state, kind, {"agent": state.agent}, {"state": "ended"})
            return True


def live_store() -> LiveStore:
    """Opens the store that the settings name, once in a process.

    Raises:
        TicketStoreError: the database cannot be used; the next call tries again.
    """
    with _OPENING:  # threads that come at once must not open one each
        return _store()


@lru_cache(maxsize=1)
def _store() -> LiveStore:
    return LiveStore(get_settings().tickets_database.get_secret_value())


def _locked(connection: Connection, conversation: str, wanted: ColumnElement[bool] | None = None) -> LiveState:
    """Returns a conversation's state and keeps it from changing until the transaction ends; `none` where there is none.

    Args:
        connection: of the transaction; in SQLite it is the only one that writes.
        conversation: its id.
        wanted: what must hold of the state; where it does not, `none` is returned, too.
    """
    mine = (LIVE_STATES.c.conversation_id == conversation) & (true() if wanted is None else wanted)
    row = connection.execute(select(LIVE_STATES).where(mine).with_for_update()).one_or_none()
    return LiveState(conversation) if row is None else LiveState(**fields_of(LiveState, row))


def _add(
    connection: Connection, state: LiveState, kind: Kind, row: dict[str, Any], change: dict[str, Any] | None = None
) -> int:
    """Adds the next row of a locked conversation and changes its state; returns the row's sequence.

    Args:
        connection: of the transaction that has locked the state.
        state: of the conversation, before.
        kind: of the row.
        row: its other columns, as far as they are not empty.
        change: the columns of the state that change.
    """
    name, sequence = state.conversation_id, state.sequence + 1
    values = {"uuid": str(uuid4()), "kind": kind, **row, "conversation_id": name, "sequence": sequence}
    connection.execute(insert(LIVE_ROWS).values(values))
    changed = {**change, "since": now()} if change else {}
    mine = LIVE_STATES.c.conversation_id == name
    connection.execute(update(LIVE_STATES).where(mine).values(sequence=sequence, **changed))
    return sequence


def _may(state: LiveState, kind: Kind, agent: str | None) -> bool:
    if kind == "agent_text":
        return _is_live(state, agent)
    if kind == "customer_text":
        return state.state == "live"
    if kind == "note":
        return state.state != "none"
    return state.state == "ended" and state.agent is not None


def _is_live(state: LiveState, agent: str | None) -> bool:
    return state.state == "live" and state.agent == agent


def _is_present(connection: Connection, agent: str | None) -> bool:
    query = select(LIVE_AGENTS.c.id).where(LIVE_AGENTS.c.agent == agent, _present())
    return connection.execute(query).scalar() is not None


def _present() -> ColumnElement[bool]:
    return LIVE_AGENTS.c.beat_at > now() - timedelta(seconds=PRESENT_SECONDS)
