"""Defines the actions' base classes and their view of a conversation, `Turn`: what is known, and ways to answer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.articles.issues import load_issues
from bot.articles.model import Article
from bot.articles.parts import AGREEMENTS, PERSONAL, PRODUCTS, ArticleStore
from bot.articles.replies import Replies
from bot.settings import get_settings
from bot.text.limited_markdown import Text

# `rasa shell` would print the structured payload as JSON below the text.
TEXT_ONLY_CHANNELS = frozenset({"cmdline", "chatwoot"})

_LATELY = 2
"""Number of messages that count as just said: the last one and the one before."""
_SYMPATHY = {
    "death": "death",
    "service_down": "service_down",
    "deadline": "service_down",
    "frustration": "upset",
    "worry": "upset",
}
"""Signals of how a customer feels, the gravest first, each with the reply that shows that it was heard."""
_GRAVE = ("death", "service_down")
"""Those that are answered whenever they are noticed; the others in the first answer only, as later on they are guessed
wrong too often: "scared to press the wrong button"."""

FAILED = ("not_helped", "already_tried")
"""Intents that say that the last answer was of no use."""
UNKNOWN = "unknown"
"""The billing agreement of a customer who does not know which one she has."""

Button = dict[str, str]
Json = dict[str, Any]


@lru_cache(maxsize=1)
def articles() -> ArticleStore:
    """The shipped articles."""
    return ArticleStore(get_settings().data_dir / "articles")


replies = lru_cache(maxsize=1)(Replies)
"""Gives the bot's own words."""

issues = load_issues
"""Gives the issue table."""


def button(title: str, intent: str, **entities: str) -> Button:
    """Returns a button that acts as if the customer had said something with this intent."""
    values = json.dumps(entities) if entities else ""
    return {"title": title, "payload": f"/{intent}{values}"}


def shortened(line: str, longest: int) -> str:
    """Returns a line of so many characters at the most; a longer one ends after a whole word, with an ellipsis."""
    cut = line[: longest - 1]
    return line if len(line) <= longest else f"{(cut.rpartition(' ')[0] or cut).rstrip()}…"


def filled(**slots: Any) -> list[EventType]:
    """Returns the events that fill slots."""
    return [SlotSet(slot, value) for slot, value in slots.items()]


def emptied(*slots: str) -> list[EventType]:
    """Returns the events that empty slots."""
    return filled(**dict.fromkeys(slots))


class UserMessage:
    """A message of the customer's, with what the pipeline made of it.

    Args:
        text: what was typed; a button's payload begins with a slash.
        parsed: what the pipeline says of it.

    Attributes:
        text: the same, empty if there is none.
        is_typed: whether it was typed, and is no button's payload.
        intent: what it means; empty if that is not known.
        confidence: of the intent, 0-1.
        ranking: the likeliest intents.
        entities: what it names.
        triage: what was noticed beside the intent; empty for a button.
        signals: what makes the matter urgent (`bot.nlu.models.sentiment`): a death, a deadline.
        is_angry: whether it is a rant.
        sympathy: the reply that answers how the customer feels, by its key; empty if the message says nothing of it.
    """

    def __init__(self, text: str | None, parsed: Json) -> None:
        understood = parsed.get("intent") or {}
        self.text = text or ""
        self.is_typed = bool(self.text) and not self.text.startswith("/")
        self.intent = str(understood.get("name") or "")
        self.confidence = float(understood.get("confidence") or 0.0)
        self.ranking: list[Json] = parsed.get("intent_ranking") or []
        self.entities: list[Json] = parsed.get("entities") or []
        self.triage: Json = parsed.get("triage") or {}
        self.signals: list[str] = self.triage.get("signals") or []
        self.is_angry = (self.triage.get("sentiment") or {}).get("label") == "very_negative"
        self.sympathy = next((reply for signal, reply in _SYMPATHY.items() if signal in self.signals), "")


class Turn:
    """The customer's last message, the conversation before it, and ways to answer.

    Attributes:
        tracker: the conversation.
        slot: gives a slot's value by its name.
        parsed: all that the pipeline says of the message.
        message: the message.
        intent: what it means; empty if there is none.
        text: what the customer has typed; empty for a button.
        messages: everything that the customer has said, buttons included, oldest first.
        bot_texts: every text that the bot has said, oldest first.
        structured: the issues that it has answered by a structure, with or without a text.
        language: what the bot answers in: the customer's, or another one where it has no replies in that.
        product: the customer's product, None while it is not known.
        agreement: her billing agreement, `unknown` if she does not know it, None while it is not known.
        form: the form that is being filled, empty if there is none.
        signals: what was noticed so far that makes the matter urgent.
        shows_payloads: whether the channel can show structured answers beside text.
        person_button: asks for a person.
        cancel_button: ends a form.
    """

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        self._dispatcher = dispatcher
        self.tracker = tracker
        self.slot = tracker.get_slot
        self.parsed: Json = tracker.latest_message
        self.message = UserMessage(self.parsed.get("text"), self.parsed)
        self.intent = self.message.intent
        self.text = self.message.text if self.message.is_typed else ""
        spoken = {kind: [event for event in tracker.events if event["event"] == kind] for kind in ("user", "bot")}
        self.messages = [UserMessage(event.get("text"), event.get("parse_data") or {}) for event in spoken["user"]]
        self.bot_texts = [str(event.get("text") or "") for event in spoken["bot"]]
        self.structured = {((event.get("data") or {}).get("custom") or {}).get("intent") for event in spoken["bot"]}
        self.language = replies().answer_language(self.slot("language"), self.slot("fallback_language"))
        product, agreement = self.slot("product"), self.slot("agreement")
        self.product: str | None = product if product in PRODUCTS else None
        self.agreement: str | None = agreement if agreement in (*AGREEMENTS, UNKNOWN) else None
        self.form = str(tracker.active_loop_name or "")
        self.signals = list(dict.fromkeys(name for message in self.messages for name in message.signals))
        self.shows_payloads = tracker.get_latest_input_channel() not in TEXT_ONLY_CHANNELS
        self.person_button = button(self.label("person"), "talk_to_human")
        self.cancel_button = button(self.label("cancel"), "cancel_form")

    def entity(self, name: str) -> str:
        """Returns the value of an entity in the message, empty if there is none."""
        return str(next(self.tracker.get_latest_entity_values(name), "") or "")

    def just_asked(self, slot: str) -> Json | None:
        """Returns what a slot keeps of a question that was asked just before the message, None if none was."""
        asked = self.slot(slot)
        return asked if asked and asked["turn"] == len(self.messages) - 1 else None

    def reply(self, key: str, **values: object) -> str:
        """Returns one of the bot's texts by its key in `data/replies/`, with what stands for its placeholders."""
        find = replies().text if key.startswith("utter_") else replies().dialogue
        return find(key, self.language, **values)

    def label(self, key: str, **values: object) -> str:
        """Returns what stands on a button, or a heading."""
        return replies().label(key, self.language, **values)

    def topic(self, issue: str) -> str:
        """Returns the short name of an issue."""
        return replies().topic(issue, self.language)

    def article(self, issue: str) -> Article:
        """Returns the article on an issue."""
        return articles().article(issue, self.language)

    def say(self, text: str | None, buttons: Iterable[Button] = (), payload: Json | None = None) -> list[EventType]:
        """Utters a text, with buttons and with a structure for channels that render it; the page gets Markdown, too.

        Returns:
            No events: what an action returns that only says something.
        """
        by_title: dict[str, Button] = {}
        for each in buttons:
            by_title.setdefault(each["title"], each)
        by_title.pop((text or "").partition("\n")[0], None)  # what is being said needs no button
        if payload is None and isinstance(text, Text) and self.tracker.get_latest_input_channel() == "page":
            payload = {"type": "text", "markdown": text.markdown}
        self._dispatcher.utter_message(text=text, buttons=list(by_title.values()), json_message=payload)
        return []

    def has_said(self, text: str) -> bool:
        """Tells whether the bot has said a text in this conversation."""
        return text in self.bot_texts

    def has_shown(self, issue: str, product: str | None = None) -> bool:
        """Tells whether the bot has shown the answer to an issue in this conversation: any, or that for a product."""
        answers = [text for text in self.bot_texts if text.startswith(self.article(issue).title)]
        if product is None:
            return issue in self.structured or bool(answers)
        return any(f"({self.label(product)})" in text for text in answers)

    def unsaid(self, *texts: str) -> str:
        """Returns the first of several texts that the bot has not said in this conversation, else the last."""
        return next((text for text in texts if not self.has_said(text)), texts[-1])

    def say_sympathy(self) -> None:
        """Says that the last answer was wrong, to whoever objects to it, else what fits a feeling; each once."""
        key = self.message.sympathy
        if self.intent == "objection" or self.entity("objects"):
            key = "misread"
        elif self.slot("issue") and not {*_GRAVE} & {*self.message.signals}:
            return
        if key and not self.has_said(self.reply(key)):
            self.say(self.reply(key))

    @property
    def was_let_down(self) -> bool:
        """True for who has just ranted, objected, or said that an answer did not help."""
        lately = self.messages[-_LATELY:]
        objected = any(each["entity"] == "objects" for message in lately for each in message.entities)
        return objected or any(message.is_angry or message.intent in ("objection", "not_helped") for message in lately)

    def say_sorry(self, buttons: Iterable[Button] = ()) -> bool:
        """Says, once, to whoever was let down that the bot is sorry; returns whether it did."""
        text = self.reply("let_down")
        if not self.was_let_down or self.has_said(text):
            return False
        self.say(text, buttons)
        return True

    def say_first(self) -> list[EventType]:
        """Says what comes before any answer, each once: sympathy, and that another language is answered in.

        Returns:
            What is to be remembered.
        """
        self.say_sympathy()
        written = self.slot("language")
        if written in (None, self.language, self.slot("language_told")):
            return []
        self.say(replies().language_notice(written, self.language))
        return [SlotSet("language_told", written)]

    def has_no_steps(self, issue: str) -> bool:
        """Tells whether the customer has a personal plan, and an issue's steps are for administrators alone."""
        return self.product == PERSONAL and PERSONAL not in issues()[issue].products

    def topic_buttons(self, intents: Iterable[str]) -> list[Button]:
        """Returns a button for each issue."""
        return [button(self.topic(intent), intent) for intent in intents]

    def fitting_buttons(self, intents: Iterable[str]) -> list[Button]:
        """Returns a button for each issue that the customer's product has."""
        return self.topic_buttons(name for name in intents if self.product in (None, *issues()[name].products))

    def title_buttons(self, intents: Iterable[str]) -> list[Button]:
        """Returns a button for each issue: its article's title, its short name if that is in another language."""
        articles = ((intent, self.article(intent)) for intent in intents)
        return [
            button(article.title if article.language == self.language else self.topic(intent), intent)
            for intent, article in articles
        ]


class FormAction(Action, ABC):
    """An action that a form calls: it asks for a field, or takes the answer."""

    _name: str

    def __init_subclass__(cls, action: str = "") -> None:
        """Takes the name under which a form or rules call the action."""
        cls._name = action

    def name(self) -> str:
        """Returns the name under which a form or rules call the action."""
        return self._name

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Json) -> list[EventType]:
        """Does what `answer` does; what follows is the form's to say."""
        return self.answer(Turn(dispatcher, tracker))

    @abstractmethod
    def answer(self, turn: Turn) -> list[EventType]:
        """Utters what there is to say; returns the events to be remembered, and maybe the action that follows."""


class BotAction(FormAction):
    """An action that answers the customer; rules call it."""

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Json) -> list[EventType]:
        """Answers; what then follows is the form that was interrupted or the customer's turn, unless `answer` says."""
        events = super().run(dispatcher, tracker, domain)
        handed_on = any(event["event"] == "followup" for event in events)
        return events if handed_on else [*events, FollowupAction(tracker.active_loop_name or "action_listen")]
