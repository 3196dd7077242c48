"""Hands the page's messages to an agent or to Rasa, one at a time in each conversation, and keeps the answers.

Of one network address few messages are answered at a time. An answer is finished though its reader is gone, and an
answered message that comes again is not answered anew. Where the bot cannot answer, the customer gets an apology, and
`bot/channel/outage.py` sees to a ticket.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage

from bot import metrics
from bot.articles.replies import Replies
from bot.channel.live import LiveChats, was_wanted
from bot.channel.outage import note_result, take_address
from bot.channel.output import PageOutput, Turn
from bot.channel.tracked_turns import add_answer, keep_answer, take_up
from bot.rasa_patches.stages import conversation
from bot.stores.live import LiveRow
from bot.stores.session_stores import NoLock, SessionLock, SessionStore
from bot.stores.sessions import Button, Part, Session, SessionError
from bot.text.links import AllowedLinks
from bot.text.masking import Masked

logger = logging.getLogger(__name__)

# An answer whose buttons are not kept cannot be gone on with. A turn's lock lasts as long, whenever Redis goes: nobody
# else changes the conversation meanwhile.
_KEEP_SECONDS = 6
_TRY_AGAIN_SECONDS = 0.2

OnNewMessage = Callable[[UserMessage], Awaitable[Any]]


@dataclass(eq=False, repr=False)
class Conversations:
    """Answers the messages of all conversations, each by a `Turn` whose parts the page's route sends.

    Args:
        store: where conversations are kept.
        replies: the bot's texts.
        links: the hosts that answers may link to.
        on_new_message: hands a message to Rasa.
        at_once: how many messages of one network address are answered at the same time.
        live: agents who take over; None where there are none.
    """

    store: SessionStore
    replies: Replies
    links: AllowedLinks
    on_new_message: OnNewMessage
    at_once: int
    live: LiveChats | None = None
    _turns: dict[tuple[str, str], Turn] = field(default_factory=dict, init=False)
    _last: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    # Messages are answered in the order in which they come: a sender of many would make everybody else wait. A
    # semaphore is there for as long as a turn of its address.
    _of_address: WeakValueDictionary[str, asyncio.Semaphore] = field(default_factory=WeakValueDictionary, init=False)

    def turn(self, session: Session, message: str, content: str) -> Turn | None:
        """Returns the turn that answers a message that came before, None if it is new.

        Args:
            session: the conversation.
            message: the message's id.
            content: its text as the bot may see it, or the id of the button.

        Raises:
            SessionError: 409, the id was that of another text or button before.
        """
        if session.content(message) not in (None, content):
            raise SessionError(409, "reused")
        running = self._turns.get((session.conversation, message))
        if running is not None:
            return running
        parts = session.answer(message)
        return None if parts is None else Turn(parts, finished=True)

    async def recover(self, session: Session, message: str, agent: Agent) -> Turn | None:
        """Returns the turn that answered a message on a server that has died since, None if it never got that far."""
        output = PageOutput(session, message, self.links)
        if (tracker := await agent.tracker_store.retrieve(session.conversation)) is not None:
            add_answer(output, tracker)
        if not output.turn.parts:
            return None
        await note_result(output, self.replies)
        await self._keep(output)
        output.turn.finish()
        return output.turn

    async def session(self, conversation: str, agent: Agent) -> Session | None:
        """Returns a conversation with all of its turns, None if there is none or it has expired.

        Args:
            conversation: its id.
            agent: Rasa's, which may have kept turns that the store lacks.
        """
        session = await self.store.get(conversation)
        if session is not None and conversation in self.store.restored:
            tracker = await agent.tracker_store.retrieve(conversation)
            if tracker is not None and conversation in self.store.restored:  # another request may have been first
                take_up(session, tracker, self.links)
            self.store.restored.discard(conversation)
        return session

    async def note(self, session: Session, message: str, content: Masked | Button, agent: Agent) -> None:
        """Notes a message that is to be answered now."""
        if session.content(message) is None:
            if (last := self._unanswered(session)) is not None:
                await self.recover(session, last, agent)
            session.remember_message(message, content if isinstance(content, Button) else content.text)
        await self.store.save(session, soon=not was_wanted(session))

    def _unanswered(self, session: Session) -> str | None:
        """Returns the id of the customer's last message where its answer is not kept, as when Redis went meanwhile."""
        if not session.messages or session.messages[-1]["from"] != "customer":
            return None
        message = str(session.messages[-1]["id"])
        done = message in session.answers or (session.conversation, message) in self._turns
        return None if done else message

    def begin(self, session: Session, message: str, content: Masked | Button, lock: SessionLock, address: str) -> Turn:
        """Begins the turn that answers a message; it goes on if its reader is gone.

        Args:
            session: the conversation.
            message: the message's id.
            content: the typed text as the bot may see it, or the button that was pressed.
            lock: of the conversation, released when the turn is over.
            address: the network address that it came from.
        """
        changed = isinstance(content, Masked) and content.changed
        notice = partial(self._masking_notice, content.text) if changed else None
        output = PageOutput(session, message, self.links, notice)
        self._turns[session.conversation, message] = output.turn
        semaphore = self._of_address.setdefault(address, asyncio.Semaphore(self.at_once))
        answer = self._answer(output, content, lock, semaphore, time.perf_counter())
        self._in_order(session.conversation, message, lock, answer)
        return output.turn

    def _in_order(
        self, name: str, message: str, lock: SessionLock, work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Starts a task that awaits the conversation's task before it, then does the work and releases the lock."""
        task = asyncio.create_task(_after(self._last.get(name), work, lock))
        self._last[name] = task
        task.add_done_callback(partial(self._forget, name, message))
        return task

    def _masking_notice(self, text: str, language: str) -> Part:
        notice = self.replies.page("notice_card_masked", language)
        return {"type": "notice", "code": "card_masked", "text": notice, "masked": text}

    def _forget(self, conversation: str, message: str, task: asyncio.Task[None]) -> None:
        self._turns.pop((conversation, message), None)
        if self._last.get(conversation) is task:
            del self._last[conversation]

    async def _answer(
        self,
        output: PageOutput,
        content: Masked | Button,
        lock: SessionLock,
        semaphore: asyncio.Semaphore,
        begun: float,
    ) -> None:
        conversation.set(output.session.conversation)
        try:
            async with semaphore:
                await self._respond(output, content, lock)
        finally:
            metrics.LATENCY.labels("turn").observe(time.perf_counter() - begun)

    async def _respond(self, output: PageOutput, content: Masked | Button, lock: SessionLock, desk: str = "") -> None:
        """Gives a message to the agent who has the conversation, else to Rasa, and keeps what was said.

        Args:
            output: collects what the bot says.
            content: the typed text, or the button that was pressed.
            lock: of the conversation.
            desk: `nobody` where no customer has sent the message, but the bot goes on as no agent is there.
        """
        silent = failed = False
        try:
            if self.live is not None and not desk:
                text = content.text if isinstance(content, Masked) else content.title
                silent = await self.live.takes(output.session, output.message, text)
        except Exception:  # the text may be an agent's, and could not be kept: the page sends it again
            logger.exception("A message for an agent could not be kept.")
            metrics.FAILURES.inc()
            if isinstance(content, Button):
                output.session.offers.open[content.id] = content
            return output.turn.break_off()
        outage = output.session.outage
        try:
            if silent:
                output.give_notice()
            elif isinstance(content, Masked):
                silent = await take_address(output, content.text, self.replies)
            if not silent:
                # Made now: turns before it may change languages.
                await self.on_new_message(output.user_message(content, desk))
        except Exception:  # the customer gets an apology, whatever has failed
            logger.exception("A message of the support page could not be answered.")
            metrics.FAILURES.inc()
            failed = True  # also what was answered: the bot has not kept it, and does not know what it has asked
        if await lock.lost():  # another server goes on with the conversation; the page gets its answer
            return output.turn.break_off()
        if not silent and (failed or all(part["type"] == "notice" for part in output.turn.parts)):
            output.say({"type": "text", "text": self.replies.text("utter_answer_failed", output.session.language)})
            output.apologised = True
        if not silent:
            await note_result(output, self.replies)
        in_tracker = not (silent or output.apologised or outage)
        try:
            await self._keep(output, _KEEP_SECONDS, soon=in_tracker and not was_wanted(output.session))
        except SessionError:  # whoever asks again gets what the tracker has
            logger.warning("An answer was given but could not be kept.")
        finally:
            output.turn.finish()

    async def catch_up(self, name: str) -> None:
        """Applies what has happened in a live conversation, as soon as the messages before it are answered."""
        lock = await self.store.lock(name)
        await self._in_order(name, "", lock, self._catch_up(name))

    async def _catch_up(self, name: str) -> None:
        assert self.live is not None
        await self.live.apply(name, await self.session(name, self.live.agent))

    async def offer_ticket(self, session: Session, row: LiveRow) -> None:
        """Begins the ticket's form for a customer to whom nobody comes (any longer), once for each such row."""
        assert self.live is not None
        if row.uuid in session.answers or await self.recover(session, row.uuid, self.live.agent) is not None:
            return
        offer = Button(row.uuid, self.replies.label("person", session.language), "talk_to_human")
        output = PageOutput(session, row.uuid, self.links)
        await self._respond(output, offer, NoLock(), desk="nobody")  # whoever calls has the lock

    async def _keep(self, output: PageOutput, seconds: float = 0.0, soon: bool = False) -> None:
        """Keeps what was said; where the store refuses it, tries again for so many seconds."""
        keep_answer(output)
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.store.save(output.session, soon)
            except SessionError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


async def _after(before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None], lock: SessionLock) -> None:
    try:
        if before is not None:
            await asyncio.wait([before])
        await work
    finally:
        await lock.release()
