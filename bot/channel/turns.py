"""One turn of a conversation: a message goes to Rasa, and what the bot utters becomes parts for the page."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.shared.core.events import BotUttered, UserUttered

from bot.channel.errors import RefusedError
from bot.channel.offers import Offer
from bot.channel.sessions import Held, Part, Session, SessionStore
from bot.channel.texts import Texts
from bot.rasa_patches.stages import LATENCY, conversation
from bot.serving import metrics
from bot.text.links import AllowedLinks
from bot.text.masking import Masked

logger = logging.getLogger(__name__)

CHANNEL = "page"
STRUCTURED = frozenset({"answer", "documents"})
"""Types of payloads that the page draws itself, in place of their text."""
_FAILED = "utter_answer_failed"
# An answer whose buttons are not kept cannot be gone on with. A turn's lock lasts as long, whenever Redis goes: nobody
# else changes the conversation meanwhile.
_KEEP_SECONDS = 6
_TRY_AGAIN_SECONDS = 0.2

OnNewMessage = Callable[[UserMessage], Awaitable[Any]]
Notice = Callable[[str], Part]


@dataclass
class Turn:
    """The bot's turn: parts that grow while it speaks, for as many readers as there are."""

    parts: list[Part] = field(default_factory=list)
    finished: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, part: Part) -> None:
        """Says something."""
        self.parts.append(part)
        self._wake()

    def finish(self) -> None:
        """Says that this was all."""
        self.finished = True
        self._wake()

    async def follow(self) -> AsyncIterator[Part]:
        """Yields every part, each as soon as it exists, until the turn is over."""
        read = 0
        while True:
            changed = self._changed
            while read < len(self.parts):
                yield self.parts[read]
                read += 1
            if self.finished:
                return
            await changed.wait()

    def _wake(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()


class PageOutput(OutputChannel):
    """Rasa's way to the page: turns what the bot utters into parts.

    Args:
        session: the conversation.
        turn: where the parts go.
        message: id of the message that is being answered.
        links: what answers may lead to.
        notice: gives what the customer is told before the answer, in a language.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    def __init__(
        self, session: Session, turn: Turn, message: str, links: AllowedLinks, notice: Notice | None = None
    ) -> None:
        self._session = session
        self._turn = turn
        self._message = message
        self._links = links
        self._notice = notice

    def understood(self, parse_data: dict[str, Any]) -> None:
        """Takes the conversation's language from what the pipeline made of a typed text, and adds the page's product.

        Called before the first action of the turn (bot/rasa_patches/understanding.py).
        """
        session = self._session
        named = {entity["entity"]: entity["value"] for entity in parse_data["entities"]}
        session.written = str(named.get("language", session.written))
        session.language = str(named.get("fallback_language", named.get("language", session.language)))
        if self._notice is not None:
            self._say(self._notice(session.language))
        parse_data["entities"] = _with_product(session, parse_data["entities"])

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Says one utterance: a structured answer in place of its text, buttons with theirs, or text alone."""
        answer, text = message.get("custom"), message.get("text")
        buttons = [*(message.get("buttons") or []), *(message.get("quick_replies") or [])]
        structured = isinstance(answer, dict) and answer.get("type") in STRUCTURED
        if structured:
            self._turn.add(self._links.cleaned(answer))
        if buttons:
            offers = self._session.offers.add(self._message, buttons)
            shown = [offer.shown() for offer in offers]
            self._say({"type": "buttons", "text": "" if structured else text or "", "buttons": shown})
        elif text and not structured:
            self._say({"type": "text", "text": text})
        # Whoever reads the turn gets the part now, and not after the rest of Rasa's work.
        await asyncio.sleep(0)

    def _say(self, part: Part) -> None:
        self._turn.add({**part, "language": self._session.language})


class Conversations:
    """Takes the messages of all conversations, one at a time in each, and gives the turns that answer them.

    Args:
        store: where conversations are kept.
        texts: what the server says by itself.
        links: what answers may lead to.
        on_new_message: hands a message to Rasa.
        at_once: how many messages of one network address are answered at the same time.
    """

    def __init__(
        self, store: SessionStore, texts: Texts, links: AllowedLinks, on_new_message: OnNewMessage, at_once: int
    ) -> None:
        self._store = store
        self._texts = texts
        self._links = links
        self._on_new_message = on_new_message
        self._turns: dict[tuple[str, str], Turn] = {}
        self._last: dict[str, asyncio.Task[None]] = {}
        self._at_once = at_once
        # Messages are answered in the order in which they come: a sender of many would make everybody else wait. A
        # semaphore is there for as long as a turn of its address.
        self._of_address: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def turn(self, session: Session, message: str) -> Turn | None:
        """Returns the turn that answers a message that came before, None if it is new."""
        running = self._turns.get((session.conversation, message))
        if running is not None:
            return running
        parts = session.answers.get(message)
        return Turn(list(parts), finished=True) if parts is not None else None

    async def spoken(self, session: Session, message: str, agent: Agent) -> Turn | None:
        """Returns the turn that answered a message on a server that has died since, None if it never got that far.

        Rasa keeps a turn as a whole when it is over, so what it has kept need not, and must not, be done again.
        """
        tracker = await agent.tracker_store.retrieve(session.conversation)
        turn, found = Turn(), False
        output = PageOutput(session, turn, message, self._links)
        for event in tracker.events if tracker is not None else ():
            if isinstance(event, UserUttered):
                found = event.message_id == message
            elif found and isinstance(event, BotUttered):
                await output.send_response(session.conversation, {**event.data, "text": event.text})
        if not turn.parts:
            return None
        await self._keep(session, message, turn)
        turn.finish()
        return turn

    def typed(self, session: Session, message: str, said: Masked, held: Held, address: str) -> Turn:
        """Begins the turn that answers a typed message.

        Args:
            session: the conversation.
            message: the message's id.
            said: the text as the bot may see it.
            held: the right to change the conversation, released when the turn is over.
            address: the network address that it came from.
        """

        def masked(language: str) -> Part:
            text = self._texts.replies.page("notice_card_masked", language)
            return {"type": "notice", "code": "card_masked", "text": text, "masked": said.text}

        turn = Turn()
        output = PageOutput(session, turn, message, self._links, masked if said.changed else None)
        return self._begin(session, message, turn, lambda: _message(session, message, output, said.text), held, address)

    def pressed(self, session: Session, message: str, offer: Offer, held: Held, address: str) -> Turn:
        """Begins the turn that answers a button.

        Args:
            session: the conversation.
            message: the message's id.
            offer: the button, used up.
            held: the right to change the conversation, released when the turn is over.
            address: the network address that it came from.
        """
        turn = Turn()
        output = PageOutput(session, turn, message, self._links)

        def said() -> UserMessage:  # when the turns before it are over, for they may change the language
            chosen = _chosen(session, offer)
            return _message(session, message, output, chosen["text"], chosen)

        return self._begin(session, message, turn, said, held, address)

    def _begin(
        self,
        session: Session,
        message: str,
        turn: Turn,
        said: Callable[[], UserMessage],
        held: Held,
        address: str,
    ) -> Turn:
        self._turns[session.conversation, message] = turn
        before = self._last.get(session.conversation)
        place = self._of_address.setdefault(address, asyncio.Semaphore(self._at_once))
        # The turn goes on if its reader is gone: whoever asks again with the same id gets what was said.
        task = asyncio.create_task(self._answer(session, message, turn, said, before, held, place))
        self._last[session.conversation] = task
        task.add_done_callback(lambda done: self._forget(session.conversation, message, done))
        return turn

    def _forget(self, conversation: str, message: str, task: asyncio.Task[None]) -> None:
        self._turns.pop((conversation, message), None)
        if self._last.get(conversation) is task:
            del self._last[conversation]

    async def _answer(
        self,
        session: Session,
        message: str,
        turn: Turn,
        said: Callable[[], UserMessage],
        before: asyncio.Task[None] | None,
        held: Held,
        place: asyncio.Semaphore,
    ) -> None:
        conversation.set(session.conversation)
        started = time.perf_counter()
        if before is not None:
            await asyncio.wait([before])
        try:
            async with place:
                await self._on_new_message(said())
        except Exception:  # the customer gets an apology, whatever has failed
            logger.exception("A message of the support page could not be answered.")
            metrics.FAILURES.inc()
        if not any(part["type"] != "notice" for part in turn.parts):
            text = self._texts.replies.text(_FAILED, session.language)
            turn.add({"type": "text", "text": text, "language": session.language})
        try:
            await self._keep(session, message, turn, _KEEP_SECONDS)
        except RefusedError:  # whoever asks again gets what the tracker has
            logger.warning("An answer was given but could not be kept.")
        finally:
            turn.finish()
            LATENCY.labels("turn").observe(time.perf_counter() - started)
            await held.release()

    async def _keep(self, session: Session, message: str, turn: Turn, patience: float = 0.0) -> None:
        """Keeps what was said; where the store refuses it, tries again for so many seconds."""
        for part in turn.parts:
            session.remember({"from": "bot", **part})
        session.remember_answer(message, turn.parts)
        deadline = time.monotonic() + patience
        while True:
            try:
                return await self._store.save(session)
            except RefusedError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_TRY_AGAIN_SECONDS)


def _message(
    session: Session, message: str, output: PageOutput, text: str, parse_data: dict[str, Any] | None = None
) -> UserMessage:
    return UserMessage(
        text,
        output,
        session.conversation,
        parse_data=parse_data,
        input_channel=CHANNEL,
        message_id=message,
        metadata=_metadata(session),
    )


def _chosen(session: Session, offer: Offer) -> dict[str, Any]:
    """Returns what a button says, as if Rasa's pipeline had understood it."""
    values = {"language": session.written, **offer.entities}
    if session.language != session.written:
        values["fallback_language"] = session.language
    entities = _with_product(session, [_entity(name, value) for name, value in values.items()])
    intent = {"name": offer.intent, "confidence": 1.0}
    payload = json.dumps(dict(offer.entities)) if offer.entities else ""
    return {
        "text": f"/{offer.intent}{payload}",
        "intent": intent,
        "intent_ranking": [intent],
        "entities": entities,
    }


def _with_product(session: Session, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds, once, the product that the page is about, unless the customer has just named one."""
    named = any(entity["entity"] == "product" for entity in entities)
    product = session.page_product if not (named or session.product_told) else None
    session.product_told = True
    return [*entities, _entity("product", product)] if product else entities


def _entity(name: str, value: str) -> dict[str, Any]:
    return {"entity": name, "value": value, "start": 0, "end": 0, "confidence": 1.0, "extractor": "PageChannel"}


def _metadata(session: Session) -> dict[str, Any]:
    return {
        "language": session.page_locale,
        "fallback_language": session.page_language,
        "product": session.page_product,
        **({"email": session.page_email} if session.page_email else {}),
        **({"conversation_language": session.written} if session.answers else {}),
    }
