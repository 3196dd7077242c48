"""Connects the page's customers with agents: hands over their messages, applies what agents do, tells the page of it.

What agents and customers do is kept as rows (bot/stores/live.py); here they are applied to Rasa's tracker and to the
page's session. The rows of a conversation are applied where its messages are answered, one after the other
(bot/channel/turns.py), so that a text is the agent's or the bot's by its place in the sequence. Rows that are applied
already are skipped, so that a server may apply anew what another one had begun when it was killed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.shared.core import events
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Sanic

from bot.channel.output import CHANNEL, WAITING
from bot.serving.blueprint import run_beside
from bot.stores.live import LiveRow, LiveState, LiveStore, NotLiveError, live_store
from bot.stores.session_stores import SessionStore
from bot.stores.sessions import Session
from bot.tickets.model import TicketStoreError

logger = logging.getLogger(__name__)

LIVE = "live"
"""Whom a line of a session is from whose content is a row; also where events have the UUID of their row."""
_SHOWN = frozenset({"taken", "agent_text", "handed_back", "left", "nobody", "agent_gone", "rated"})
_UNATTENDED = frozenset({"nobody", "agent_gone"})
_BESIDE = frozenset({"note", "rated"})
"""Kinds of rows that may come at any time and change nothing."""
_LOOK_SECONDS = 0.2
_LOOKS_BETWEEN_ENDS = 10
_AFTER_FAILURE_SECONDS = 2
_HEARTBEAT_SECONDS = 15

Answer = TypeVar("Answer")
CatchUp = Callable[[str], Awaitable[None]]
OfferTicket = Callable[[Session, LiveRow], Awaitable[None]]


class LiveChats:
    """Applies rows to conversations, and follows them for the page.

    Args:
        sessions: the page's conversations.
    """

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions
        # Each for as long as somebody follows.
        self._bells: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._seen: dict[str, LiveState] | None = None
        """The conversations that the last look has found; None before the first one."""
        self.stopping = False
        """True once the server stops: its streams end, and go on at its successor's."""
        self._applying: dict[str, asyncio.Task[None]] = {}

    def prepare_app(self, app: Sanic, catch_up: CatchUp, offer_ticket: OfferTicket) -> None:
        """Makes a server look for new rows.

        Args:
            app: the server.
            catch_up: applies the rows of a conversation at its turn.
            offer_ticket: lets the bot go on where a row says that no agent is there any longer.
        """
        self._app, self._catch_up, self._offer_ticket = app, catch_up, offer_ticket
        app.register_listener(partial(run_beside, self._watch), "after_server_start")
        app.register_listener(self._stop, "before_server_stop")

    @property
    def agent(self) -> Agent:
        """Rasa's agent."""
        return self._app.ctx.agent

    async def leave(self, name: str) -> None:
        """Ends waiting for an agent, or talking to one; where the store cannot be used, the agent will see nobody."""
        try:
            await _in_store(LiveStore.leave, name)
        except TicketStoreError as error:
            logger.warning("A customer's leaving could not be kept: %s", error)

    async def takes(self, session: Session, message: str, text: str) -> bool:
        """Gives a customer's message to the agent who has the conversation.

        Args:
            session: the conversation.
            message: the message's id.
            text: what was typed, masked.

        Returns:
            Whether an agent has it; if not, the bot is to answer.

        Raises:
            TicketStoreError: the store cannot be used, and there may be an agent.
        """
        name = session.conversation
        if self._seen is not None and name not in self._seen and not was_wanted(session):
            return False  # most customers: the database is not asked
        try:
            state = await self.apply(name, session)
        except TicketStoreError:
            tracker = await self.agent.tracker_store.retrieve(name)
            if tracker is not None and tracker.is_paused():  # so Rasa knows of an agent
                raise
            return False
        if state.state == "none":
            return False
        try:
            await _in_store(LiveStore.append, name, "customer_text", message, text)
        except NotLiveError:
            return False
        try:
            await self.apply(name, session)
        except Exception:  # whatever has failed: the agent has the text, and the next look applies it
            logger.exception("A customer's text could not be applied at once.")
        return True

    async def apply(self, name: str, session: Session | None) -> LiveState:
        """Applies the new rows of a conversation, whose turn it must be.

        Args:
            name: the conversation's id.
            session: the conversation on the page, None if it has expired.

        Returns:
            The state before.
        """
        state = await _in_store(LiveStore.state, name)
        if state.applied == state.sequence:
            return state
        rows = await _in_store(LiveStore.after, name, state.applied)
        agent = self.agent
        async with agent.lock_store.lock(name):
            tracker = await agent.tracker_store.get_or_create_tracker(name, append_action_listen=False)
            known = {event.metadata.get(LIVE) for event in tracker.events}
            for event in (event for row in rows if row.uuid not in known for event in _events(row, tracker)):
                tracker.update(event, agent.domain)
            await agent.tracker_store.save(tracker)
        if session is not None:
            _remember(session, rows)
            await self._sessions.save(session)
            newest = next((row for row in reversed(rows) if row.kind not in _BESIDE), None)
            if newest is not None and newest.kind in _UNATTENDED:
                await self._offer_ticket(session, newest)
        await _in_store(LiveStore.note_applied, name, rows[-1].sequence)
        self._ring(name)
        return state

    async def history(self, session: Session) -> dict[str, Any]:
        """Returns what was said, with rows in place of their sequences, and how it stands where that is not over.

        Raises:
            TicketStoreError: the store cannot be used, and there has been an agent, or one was waited for.
        """
        lines = session.messages
        try:
            state = await _in_store(LiveStore.state, session.conversation)
        except TicketStoreError:
            if was_wanted(session):
                raise
            return {"messages": lines}
        if _has_rows(session):
            rows = {row.sequence: row for row in await _in_store(LiveStore.after, session.conversation)}
            kept = (line for line in lines if line["from"] != LIVE or line["sequence"] in rows)
            lines = [shown(rows[line["sequence"]]) if line["from"] == LIVE else line for line in kept]
        active = state.state in {"waiting", "live"} or state.applied < state.sequence
        return {"messages": lines, **({"live": {"state": state.state, "agent": state.agent}} if active else {})}

    async def follow(self, name: str, after: int) -> AsyncIterator[dict[str, Any] | None]:
        """Yields the applied rows of a conversation after one of them, until it is neither waiting nor live.

        None is a heartbeat, after 15 seconds without a row.
        """
        while True:
            bell = self._bells.setdefault(name, asyncio.Event())  # before looking: what comes meanwhile rings it
            state = await _in_store(LiveStore.state, name)
            rows = await _in_store(LiveStore.after, name, after) if state.applied > after else []
            for row in (row for row in rows if row.sequence <= state.applied):
                after = row.sequence
                if row.kind in _SHOWN:  # where no agent is there any longer, with what the bot has said then
                    session = await self._sessions.get(name) if row.kind in _UNATTENDED else None
                    yield {**shown(row), "parts": (session.answer(row.uuid) or []) if session else []}
            if self.stopping or (state.state in {"none", "ended"} and state.applied == state.sequence):
                return
            try:
                await asyncio.wait_for(bell.wait(), _HEARTBEAT_SECONDS)
            except asyncio.TimeoutError:
                yield None

    async def _watch(self) -> None:
        """Looks for new rows and rings the bells of their conversations, for as long as it is not cancelled."""
        for number in count():
            try:
                await self._look(end=number % _LOOKS_BETWEEN_ENDS == 0)
            except Exception as error:  # whatever has failed: without the bell nobody would hear an agent again
                logger.warning("Live conversations cannot be read: %s", error)
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, end: bool) -> None:
        if end:
            await _in_store(LiveStore.give_up)
        found = {state.conversation_id: state for state in await _in_store(LiveStore.unfinished)}
        before, self._seen = self._seen or {}, found
        for name in found.keys() | before.keys():
            if found.get(name) != before.get(name):
                self._ring(name)
        for name, state in found.items():
            if state.applied < state.sequence and name not in self._applying and self.agent.is_ready():
                self._applying[name] = asyncio.create_task(self._apply_once(name))

    async def _apply_once(self, name: str) -> None:
        try:
            await self._catch_up(name)
        except Exception:  # whatever has failed: the next look tries again
            logger.exception("The rows of a live conversation could not be applied.")
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)
        finally:
            del self._applying[name]

    def _stop(self, app: Sanic, loop: object) -> None:
        self.stopping = True
        for name in list(self._bells):
            self._ring(name)

    def _ring(self, name: str) -> None:
        with suppress(KeyError):
            self._bells.pop(name).set()


def was_wanted(session: Session) -> bool:
    """Tells whether a person has been asked for in a conversation, as far as the page remembers what was said."""
    return any(line["from"] == LIVE or line.get("type") == WAITING for line in session.messages)


def _has_rows(session: Session) -> bool:
    return any(line["from"] == LIVE for line in session.messages)


async def resume(agent: Agent, session: Session) -> None:
    """Lets the bot go on in a conversation that an agent had when agents were switched off (`BOT_DESK`)."""
    if not _has_rows(session):
        return
    async with agent.lock_store.lock(session.conversation):
        tracker = await agent.tracker_store.retrieve(session.conversation)
        if tracker is not None and tracker.is_paused():
            tracker.update(events.ConversationResumed(), agent.domain)
            await agent.tracker_store.save(tracker)


def shown(row: LiveRow) -> dict[str, Any]:
    """Returns a row as the page gets it."""
    content = {"kind": row.kind, "sequence": row.sequence, "id": row.uuid, "text": row.text, "agent": row.agent}
    return {"from": LIVE, **content, "rating": row.rating, "time": row.at.isoformat(timespec="milliseconds")}


async def _in_store(method: Callable[..., Answer], *arguments: Any) -> Answer:
    return await asyncio.to_thread(lambda: method(live_store(), *arguments))


def _remember(session: Session, rows: list[LiveRow]) -> None:
    """Notes where rows stand among what was said; buttons from before an agent came act no longer."""
    there = {line["sequence"] for line in session.messages if line["from"] == LIVE}
    for row in rows:
        if row.kind in _SHOWN and row.sequence not in there:
            session.remember({"from": LIVE, "sequence": row.sequence})
        if row.kind == "taken":
            session.offers.open.clear()


def _events(row: LiveRow, tracker: DialogueStateTracker) -> Iterator[events.Event]:
    """Yields what a row means in the tracker."""
    mark = {LIVE: row.uuid}
    if row.kind == "taken":
        if tracker.active_loop_name:
            yield events.ActiveLoop(None)
            yield from (events.SlotSet(slot, None) for slot in ("requested_slot", "ticket_form_id", "ticket_consent"))
        yield events.ConversationPaused(metadata=mark)
    elif row.kind == "agent_text":
        yield events.AgentUttered(row.text, metadata={**mark, "agent": row.agent})
    elif row.kind == "customer_text":
        yield events.UserUttered(row.text, input_channel=CHANNEL, message_id=row.uuid, metadata=mark)
    elif row.kind in {"handed_back", "left", *_UNATTENDED} and tracker.is_paused():
        yield events.ConversationResumed(metadata=mark)
