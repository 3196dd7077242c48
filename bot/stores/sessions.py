"""One conversation on the support page: its language, buttons, messages and answers, and all of that as JSON."""

from __future__ import annotations

import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from bot.articles.issues import load_issues

Part = dict[str, Any]
"""A part of an answer, as the page gets it."""

# A page shows no more after a reload, and retries no older message.
_KEPT_MESSAGES = 200
_KEPT_ANSWERS = 100
# Outside of the process: each structured answer is 10 kB, and what is not found here is looked for in the tracker.
_WRITTEN_ANSWERS = 3
_BUTTON_KINDS = {
    "choose_product": "product",
    **dict.fromkeys(("affirm", "deny", "solved", "not_helped", "none_of_these"), "feedback"),
    "talk_to_human": "person",
}
# The key of a part under which its JSON stands.
_PACKED = "packed"
_PAYLOAD = re.compile(r"/(?P<intent>[a-z0-9_]+)(?P<entities>\{.*\})?", re.DOTALL)


class SessionError(Exception):
    """A request about a conversation that cannot be served.

    Args:
        status: the HTTP status.
        code: what the page can act on; `error_<code>` is the text for the customer in `data/replies/`.
        retry_after: after how many seconds the same request may succeed; None where it never will.
        **values: what stands for the placeholders of the text.
    """

    def __init__(self, status: int, code: str, *, retry_after: int | None = None, **values: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.values = values


@dataclass(frozen=True)
class Button:
    """A button that the bot has offered.

    Args:
        id: what the page sends when it is pressed.
        title: what stands on it.
        intent: what it says to the bot.
        entities: what it names, entity -> value.
    """

    id: str
    title: str
    intent: str
    entities: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Message to the bot, in Rasa's notation."""
        return f"/{self.intent}{json.dumps(dict(self.entities)) if self.entities else ''}"

    def shown(self) -> dict[str, Any]:
        """Returns what the page may know of the button."""
        kind = "topic" if self.intent in load_issues() else _BUTTON_KINDS.get(self.intent, "other")
        shown = {"id": self.id, "title": self.title, "kind": kind}
        return {**shown, "intent": self.intent} if kind == "topic" else shown


@dataclass
class ShownButtons:
    """The buttons of one conversation: those of the bot's last turn that had any, less those that were pressed."""

    open: dict[str, Button] = field(default_factory=dict)
    turn: str = ""

    def add(self, turn: str, buttons: Iterable[Mapping[str, Any]]) -> list[Button]:
        """Shows Rasa's buttons, in place of those of earlier turns.

        Args:
            turn: the id of the bot's turn that offers them.
            buttons: each with `title` and `payload`; one whose payload is not a command is left out.

        Returns:
            The offers, in the order of the buttons.
        """
        if turn != self.turn:
            self.turn = turn
            self.open.clear()
        offers = []
        for button in buttons:
            if match := _PAYLOAD.fullmatch(str(button.get("payload") or "").strip()):
                entities = json.loads(match["entities"] or "{}")
                title = str(button.get("title") or "")
                # The same each time: where a turn is taken from the tracker again, the page has its buttons already.
                name = uuid.uuid5(uuid.NAMESPACE_OID, f"{turn} {title} {match[0]}")
                offers.append(Button(str(name), title, match["intent"], entities))
        self.open.update((offer.id, offer) for offer in offers)
        return offers

    def find(self, button: str) -> Button:
        """Returns a button that still acts.

        Raises:
            SessionError: 409, it was used, was offered before newer ones, or never was.
        """
        if button not in self.open:
            raise SessionError(409, "button")
        return self.open[button]

    def take(self, button: str) -> Button:
        """Returns a button that still acts, for the last time.

        Raises:
            SessionError: 409, it was used, was offered before newer ones, or never was.
        """
        return self.open.pop(self.find(button).id)


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
        answers: message id -> the parts of the finished answer, `packed`.
        messages: what was said, oldest first, as the page shows it after a reload, `packed`.
        product_told: whether the bot knows of the page's product.
        written: what the customer writes in; not `language` where the bot understands it but has no replies in it.
        page_locale: the visitor's own language; not `page_language` where the page has no words in it.
        outage: while the bot cannot answer `asked` for an address, or `told` the number of a ticket; otherwise empty.
        outages: how often that has passed.
    """

    conversation: str
    language: str
    page_language: str
    page_product: str | None
    expires: float
    seen: float
    offers: ShownButtons = field(default_factory=ShownButtons)
    answers: OrderedDict[str, list[Part]] = field(default_factory=OrderedDict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    product_told: bool = False
    written: str = ""
    page_locale: str = ""
    page_email: str | None = None
    outage: str = ""
    outages: int = 0

    def __post_init__(self) -> None:
        self.written = self.written or self.language
        self.page_locale = self.page_locale or self.page_language

    def choose_language(self, language: str) -> None:
        """Goes on in the language that the customer has chosen in the page's menu."""
        if language != self.page_locale:
            self.page_locale = self.page_language = self.written = self.language = language

    def remember(self, message: dict[str, Any], at: float | None = None) -> None:
        """Adds something that was said, with the time.

        Args:
            message: what was said, and by whom.
            at: seconds since 1970; None for now.
        """
        when = datetime.now(timezone.utc) if at is None else datetime.fromtimestamp(at, timezone.utc)
        self.messages.append({**packed(message), "time": when.isoformat(timespec="milliseconds")})
        del self.messages[:-_KEPT_MESSAGES]

    def remember_message(self, message: str, content: str | Button, at: float | None = None) -> None:
        """Adds a customer's message.

        Args:
            message: its id.
            content: its text, or the button that was pressed.
            at: as of `remember`.
        """
        shown = {"text": content.title, "button": content.id} if isinstance(content, Button) else {"text": content}
        self.remember({"from": "customer", "id": message, **shown}, at)

    def content(self, message: str) -> str | None:
        """Returns the text or the button of a customer's message, answered or not; None if it is not known.

        Args:
            message: its id.
        """
        found = (entry for entry in self.messages if entry.get("id") == message)
        return next((entry.get("button", entry["text"]) for entry in found), None)

    def shown(self, message: dict[str, Any]) -> dict[str, Any]:
        """Returns something that was said as the page gets it: with what still acts."""
        if "buttons" not in message:
            return unpacked(message)
        buttons = [{**button, "open": button["id"] in self.offers.open} for button in message["buttons"]]
        return {**message, "buttons": buttons}

    def remember_answer(self, message: str, parts: list[Part]) -> None:
        """Keeps a finished answer for whoever asks again with the same message id."""
        self.answers[message] = [packed(part) for part in parts]
        while len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)

    def answer(self, message: str) -> list[Part] | None:
        """Returns the finished answer to a message, None if there is none."""
        parts = self.answers.get(message)
        return None if parts is None else [unpacked(part) for part in parts]


def packed(part: Part) -> Part:
    """Returns a part as it is kept: one with an article as JSON, which takes less memory than hundreds of objects."""
    if part.get("type") != "answer" or _PACKED in part:
        return part
    by: Part = {name: part[name] for name in ("from", "type") if name in part}
    return {**by, _PACKED: json.dumps(part)}


def unpacked(part: Part) -> Part:
    """Returns a part that was kept as the page gets it."""
    if _PACKED not in part:
        return part
    return {**json.loads(part[_PACKED]), **{name: value for name, value in part.items() if name != _PACKED}}


def key(conversation: str) -> str:
    """Returns where Redis keeps a conversation."""
    return f"bot:session:{conversation}"


def as_json(session: Session) -> str:
    """Returns a conversation as JSON."""
    answers = list(session.answers.items())[-_WRITTEN_ANSWERS:]
    offers = {"turn": session.offers.turn, "open": [vars(offer) for offer in session.offers.open.values()]}
    return json.dumps({**vars(session), "answers": answers, "offers": offers})


def from_json(kept: str) -> Session:
    """Returns a conversation from its JSON."""
    values: dict[str, Any] = json.loads(kept)
    offered = values.pop("offers")
    offers = ShownButtons({offer["id"]: Button(**offer) for offer in offered["open"]}, offered["turn"])
    return Session(**{**values, "offers": offers, "answers": OrderedDict(values["answers"])})
