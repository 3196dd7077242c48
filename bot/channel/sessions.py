"""What the server remembers of each conversation on the page: language, offered buttons, messages, answers given."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Protocol

from bot.channel.errors import RefusedError
from bot.channel.offers import Offers
from bot.tickets import SearchEvent

Part = dict[str, Any]

# A page shows no more after a reload, and retries no older message.
_KEPT_MESSAGES = 200
_KEPT_ANSWERS = 100
_SWEEP_SECONDS = 60
# Where the server is full, a conversation that has rested for so long makes room for a new one.
_RESTING_SECONDS = 900


@dataclass
class Session:
    """One conversation on the page.

    Args:
        conversation: its id in Rasa.
        language: what the bot answers in.
        page_language: what the page was opened in, or the customer has chosen in its menu.
        page_product: the product that the page is about, None if it is about both.
        page_email: the customer's e-mail address, where the page around the chat has told it.
        expires: when its token does, in seconds since 1970.
        seen: when its customer last wrote.
        offers: its buttons.
        answers: message id -> the parts of the finished answer.
        messages: what was said, oldest first, as the page shows it after a reload.
        product_told: whether the bot knows of the page's product.
        written: what the customer writes in; not `language` where the bot understands it but has no replies in it.
        page_locale: the visitor's own language; not `page_language` where the page has no words in it.
    """

    conversation: str
    language: str
    page_language: str
    page_product: str | None
    expires: float
    seen: float
    offers: Offers = field(default_factory=Offers)
    answers: OrderedDict[str, list[Part]] = field(default_factory=OrderedDict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    product_told: bool = False
    written: str = ""
    page_locale: str = ""
    page_email: str | None = None

    def __post_init__(self) -> None:
        self.written = self.written or self.language
        self.page_locale = self.page_locale or self.page_language

    def choose_language(self, language: str) -> None:
        """Goes on in the language that the customer has chosen in the page's menu."""
        if language != self.page_locale:
            self.page_locale = self.page_language = self.written = self.language = language

    def remember(self, message: dict[str, Any]) -> None:
        """Adds something that was said, with the time."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self.messages.append({**message, "time": now})
        del self.messages[:-_KEPT_MESSAGES]

    def search_event(self, search: str, file: str) -> SearchEvent | None:
        """Returns that a document was opened, None if it was not offered here."""
        for said in self.messages:
            offered = said.get("type") == "documents" and said["search"] == search
            if offered and any(link["file"] == file for link in said["links"]):
                return SearchEvent(
                    search_id=search,
                    conversation_id=self.conversation,
                    kind="opened",
                    language=said["language"],
                    documents=(file,),
                )
        return None

    def has_begun(self, message: str) -> bool:
        """Tells whether a message was taken, whatever became of its answer."""
        return any(said.get("id") == message for said in self.messages)

    def remember_answer(self, message: str, parts: list[Part]) -> None:
        """Keeps a finished answer for whoever asks again with the same message id."""
        self.answers[message] = parts
        while len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)


class SessionStore(Protocol):
    """Where conversations are kept."""

    async def add(self, session: Session) -> None:
        """Keeps a new conversation; raises RefusedError (429) where there is no room for it."""

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""

    async def save(self, session: Session) -> None:
        """Keeps what has changed in a conversation, unless it has been removed meanwhile."""

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""

    async def hold(self, conversation: str) -> Held:
        """Keeps other servers from changing a conversation until it is released; waits until none of them does."""


class Held(Protocol):
    """The right to change a conversation."""

    async def release(self) -> None:
        """Gives it back."""


class _Unshared:
    async def release(self) -> None:
        """Does nothing: turns of one process wait for each other anyway."""


class MemorySessions:
    """Keeps conversations in this process.

    Args:
        capacity: how many at once.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # Those that have rested longest come first.
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def add(self, session: Session) -> None:
        """Keeps a new conversation, if need be in place of one that rests.

        Raises:
            RefusedError: 429, all of them are being used.
        """
        if len(self._sessions) >= self._capacity:
            oldest = next(iter(self._sessions.values()))
            wait = oldest.seen + _RESTING_SECONDS - time.time()
            if wait > 0 and oldest.expires > time.time():
                raise RefusedError(429, "busy", retry_after=min(60, int(wait) + 1))
            await self.remove(oldest.conversation)
        self._sessions[session.conversation] = session

    async def get(self, conversation: str) -> Session | None:
        """Returns a conversation, None if there is none or it has expired."""
        session = self._sessions.get(conversation)
        if session is not None and session.expires <= time.time():
            await self.remove(conversation)
            return None
        return session

    async def save(self, session: Session) -> None:
        """Notes that a conversation is being used; its content is here already."""
        if session.conversation in self._sessions:
            session.seen = time.time()
            self._sessions.move_to_end(session.conversation)

    async def remove(self, conversation: str) -> None:
        """Forgets a conversation."""
        self._sessions.pop(conversation, None)

    async def forget_expired(self) -> None:
        """Forgets conversations that have expired, every minute for as long as it is not cancelled."""
        while True:
            now = time.time()
            for conversation in [key for key, session in self._sessions.items() if session.expires <= now]:
                await self.remove(conversation)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def hold(self, conversation: str) -> Held:
        """Returns at once: there is no other server."""
        return _Unshared()
