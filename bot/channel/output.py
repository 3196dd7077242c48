"""Rasa's output channel for the page: makes messages for Rasa, and collects what the bot utters as parts of a turn.

Nothing is sent from here: the page's route reads the parts of the turn while they come (bot/channel/page.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from rasa.core.channels.channel import OutputChannel, UserMessage

from bot.stores.sessions import Button, Part, Session
from bot.text.links import AllowedLinks
from bot.text.masking import Masked

CHANNEL = "page"
_STRUCTURED = frozenset({"answer", "documents"})
"""Types of payloads that the page draws itself, in place of their text."""

APOLOGIES = frozenset({"utter_answer_failed", "utter_contact_person"})
"""Replies that rules give where an action has failed."""

WAITING = "waiting"
"""The type of a text after which the customer waits for an agent."""

Notice = Callable[[str], Part]


@dataclass
class Turn:
    """The bot's turn: parts that grow while it speaks, for as many readers as there are."""

    parts: list[Part] = field(default_factory=list)
    finished: bool = False
    broken: bool = False
    """True where it is over without an answer: the same message is to come again."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, part: Part) -> None:
        """Adds a part."""
        self.parts.append(part)
        self._wake()

    def finish(self) -> None:
        """Ends the turn."""
        self.finished = True
        self._wake()

    def break_off(self) -> None:
        """Ends the turn without an answer."""
        self.broken = True
        self.finish()

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
        message: id of the message that is being answered.
        links: the hosts that answers may link to.
        notice: gives what the customer is told before the answer, in a language.

    Attributes:
        turn: where the parts go.
        apologised: whether the bot has said that it could not answer.
        acted: whether an action has said something.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    def __init__(self, session: Session, message: str, links: AllowedLinks, notice: Notice | None = None) -> None:
        self.session = session
        self.turn = Turn()
        self.message = message
        self._links = links
        self._notice = notice
        self.apologised = self.acted = False

    def understood(self, parse_data: dict[str, Any]) -> None:
        """Takes the conversation's language from what the pipeline made of a typed text, and adds the page's product.

        Called before the first action of the turn (bot/rasa_patches/understanding.py).
        """
        session = self.session
        named = {entity["entity"]: entity["value"] for entity in parse_data["entities"]}
        session.written = str(named.get("language", session.written))
        session.language = str(named.get("fallback_language", named.get("language", session.language)))
        self.give_notice()
        parse_data["entities"] = _with_product(session, parse_data["entities"])

    def give_notice(self) -> None:
        """Says what the customer is told before the answer, if anything."""
        if self._notice is not None:
            self.say(self._notice(self.session.language))

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Says one utterance, and lets whoever reads the turn have it now, and not after the rest of Rasa's work."""
        self.utter(message)
        await asyncio.sleep(0)

    def utter(self, message: dict[str, Any]) -> None:
        """Says one utterance: a structured answer in place of its text, buttons with theirs, or text alone."""
        answer, text = message.get("custom"), message.get("text")
        buttons = [*(message.get("buttons") or []), *(message.get("quick_replies") or [])]
        rule_reply = message.get("utter_action")
        self.apologised |= rule_reply in APOLOGIES
        self.acted |= rule_reply is None
        kind = answer.get("type") if isinstance(answer, dict) else None
        structured = kind in _STRUCTURED
        formatted = {"markdown": self._links.cleaned(answer["markdown"])} if answer and kind == "text" else {}
        if structured:
            self.turn.add(self._links.cleaned(answer))
        if buttons:
            offers = self.session.offers.add(self.message, buttons)
            shown = [offer.shown() for offer in offers]
            self.say({"type": "buttons", "text": "" if structured else text or "", **formatted, "buttons": shown})
        elif text and not structured:
            self.say({"type": WAITING if kind == WAITING else "text", "text": text, **formatted})

    def say(self, part: Part) -> None:
        """Adds a part in the conversation's language."""
        self.turn.add({**part, "language": self.session.language})

    def user_message(self, content: Masked | Button, desk: str = "") -> UserMessage:
        """Returns what a customer has typed, or what a button says, as a message for Rasa.

        Args:
            content: text or button.
            desk: `nobody` where no agent came or the agent is gone, and actions are to offer a ticket; else empty.
        """
        session = self.session
        metadata = {
            "language": session.page_locale,
            "fallback_language": session.page_language,
            "product": session.page_product,
            **({"email": session.page_email} if session.page_email else {}),
            **({"conversation_language": session.written} if session.answers else {}),
            **({"button": content.id} if isinstance(content, Button) else {}),
            **({"desk": desk} if desk else {}),
        }
        return UserMessage(
            content.text,
            self,
            session.conversation,
            parse_data=_chosen(session, content) if isinstance(content, Button) else None,
            input_channel=CHANNEL,
            message_id=self.message,
            metadata=metadata,
        )


def _chosen(session: Session, offer: Button) -> dict[str, Any]:
    """Returns what a button says, as if Rasa's pipeline had understood it."""
    values = {"language": session.written, **offer.entities}
    if session.language != session.written:
        values["fallback_language"] = session.language
    intent = {"name": offer.intent, "confidence": 1.0}
    return {
        "text": offer.text,
        "intent": intent,
        "intent_ranking": [intent],
        "entities": _with_product(session, [_entity(name, value) for name, value in values.items()]),
    }


def _with_product(session: Session, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds, once, the product that the page is about, unless the customer has just named one."""
    named = any(entity["entity"] == "product" for entity in entities)
    product = session.page_product if not (named or session.product_told) else None
    session.product_told = True
    return [*entities, _entity("product", product)] if product else entities


def _entity(name: str, value: str) -> dict[str, Any]:
    return {"entity": name, "value": value, "start": 0, "end": 0, "confidence": 1.0, "extractor": "PageChannel"}
