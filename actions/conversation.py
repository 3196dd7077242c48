"""One turn of a conversation as actions see it: what is known of the customer, and ways to answer her."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.articles import Article
from bot.articles.issues import Issue, load_issues
from bot.articles.parts import AGREEMENTS, PRODUCTS, ArticleStore
from bot.articles.replies import Replies
from bot.settings import get_settings

# `rasa shell` would print the structured payload as JSON below the text.
TEXT_ONLY_CHANNELS = frozenset({"cmdline"})

PERSONAL = "microsoft_account"
UNKNOWN = "unknown"
"""The billing agreement of a customer who does not know which one she has."""

Button = dict[str, str]


@lru_cache(maxsize=1)
def articles() -> ArticleStore:
    """The shipped articles."""
    return ArticleStore(get_settings().data_dir / "articles")


@lru_cache(maxsize=1)
def replies() -> Replies:
    """The bot's own words."""
    return Replies()


def issues() -> dict[str, Issue]:
    """The issue table."""
    return load_issues()


def language_of(tracker: Tracker) -> str:
    """Returns the language that the bot answers in: the customer's, or another one where it has no replies in that."""
    return replies().answer_language(tracker.get_slot("language"), tracker.get_slot("fallback_language"))


def intent_of(tracker: Tracker) -> str:
    """Returns what the customer's last message means, as the pipeline has recognised it; empty if there is none."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return str(intent.get("name") or "")


def text_of(tracker: Tracker) -> str:
    """Returns what the customer has typed last; empty for a button."""
    text = str((tracker.latest_message or {}).get("text") or "")
    return "" if text.startswith("/") else text


def known_product(tracker: Tracker) -> str | None:
    """Returns the customer's product, None while it is not known."""
    product = tracker.get_slot("product")
    return product if product in PRODUCTS else None


def customer_messages(tracker: Tracker) -> Iterator[dict[str, Any]]:
    """Yields the events of everything that the customer has said, buttons included, oldest first."""
    return (event for event in tracker.events if event["event"] == "user")


def signals_of(tracker: Tracker) -> list[str]:
    """Returns what makes the matter urgent so far (`bot.nlu.models.sentiment`): a death, a deadline."""
    parsed = [event.get("parse_data") or {} for event in customer_messages(tracker)]
    return list(dict.fromkeys(name for each in parsed for name in (each.get("triage") or {}).get("signals") or []))


def button(title: str, intent: str, **entities: str) -> Button:
    """Returns a button that acts as if the customer had said something with this intent."""
    values = json.dumps(entities) if entities else ""
    return {"title": title, "payload": f"/{intent}{values}"}


def shortened(line: str, longest: int) -> str:
    """Returns a line of so many characters at the most; a longer one ends after a whole word, with an ellipsis."""
    cut = line[: longest - 1]
    return line if len(line) <= longest else f"{(cut.rpartition(' ')[0] or cut).rstrip()}…"


def emptied(*slots: str) -> list[EventType]:
    """Returns the events that empty slots."""
    return [SlotSet(slot, None) for slot in slots]


class Turn:
    """The customer's last message, the conversation before it, and ways to answer.

    Attributes:
        tracker: the conversation.
        slot: gives a slot's value by its name.
        language: what the bot answers in.
        intent: what the message means; empty if there is none.
        text: what the customer has typed; empty for a button.
        triage: what the pipeline has noticed in the message beside its intent; empty for a button.
        product: the customer's product, None while it is not known.
        agreement: her billing agreement, `unknown` if she does not know it, None while it is not known.
        form: the form that is being filled, empty if there is none.
        number: how many messages the customer has sent so far.
        shows_payloads: whether the channel can show structured answers beside text.
        person_button: asks for a person.
    """

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        self._dispatcher = dispatcher
        self.tracker = tracker
        self.slot = tracker.get_slot
        self.language = language_of(tracker)
        self.intent = intent_of(tracker)
        self.text = text_of(tracker)
        self.triage: dict[str, Any] = (tracker.latest_message or {}).get("triage") or {}
        self.product = known_product(tracker)
        agreement = self.slot("agreement")
        self.agreement: str | None = agreement if agreement in (*AGREEMENTS, UNKNOWN) else None
        self.form = str(tracker.active_loop_name or "")
        self.number = sum(1 for _ in customer_messages(tracker))
        self.shows_payloads = tracker.get_latest_input_channel() not in TEXT_ONLY_CHANNELS
        self.person_button = button(self.label("person"), "talk_to_human")

    @property
    def signals(self) -> list[str]:
        """Signals noticed so far that make the matter urgent."""
        return signals_of(self.tracker)

    def entity(self, name: str) -> str:
        """Returns the value of an entity in the message, empty if there is none."""
        return str(next(self.tracker.get_latest_entity_values(name), "") or "")

    def just_asked(self, slot: str) -> dict[str, Any] | None:
        """Returns what a slot keeps of a question that was asked just before the message, None if none was."""
        asked = self.slot(slot)
        return asked if asked and asked["turn"] == self.number - 1 else None

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

    def say(self, text: str | None, buttons: Iterable[Button] = (), payload: dict[str, Any] | None = None) -> None:
        """Utters a text, with buttons and with a structure for channels that render it."""
        self._dispatcher.utter_message(text=text, buttons=list(buttons), json_message=payload)

    def has_said(self, text: str) -> bool:
        """Tells whether the bot has said a text in this conversation."""
        return any(event["event"] == "bot" and event.get("text") == text for event in self.tracker.events)

    def has_shown(self, issue: str) -> bool:
        """Tells whether the bot has shown the answer to an issue in this conversation, as text or as structure."""
        title = self.article(issue).title
        said = [event for event in self.tracker.events if event["event"] == "bot"]
        shown = ((event.get("data") or {}).get("custom") or {} for event in said)
        return any(each.get("intent") == issue for each in shown) or any(
            str(event.get("text") or "").startswith(title) for event in said
        )

    def unsaid(self, *texts: str) -> str:
        """Returns the first of several texts that the bot has not said in this conversation, else the last."""
        return next((text for text in texts if not self.has_said(text)), texts[-1])

    def say_first(self) -> list[EventType]:
        """Says what comes before any answer, each once: sympathy, and that another language is answered in.

        Returns:
            What is to be remembered.
        """
        noticed = self.triage.get("signals") or []
        words = next((self.reply(signal) for signal in ("death", "service_down") if signal in noticed), "")
        if words and not self.has_said(words):
            self.say(words)
        written = self.slot("language")
        if written in (None, self.language, self.slot("language_told")):
            return []
        self.say(replies().language_notice(written, self.language))
        return [SlotSet("language_told", written)]

    def topic_buttons(self, intents: Iterable[str]) -> list[Button]:
        """Returns a button for each issue."""
        return [button(self.topic(intent), intent) for intent in intents]

    def fitting_buttons(self, intents: Iterable[str]) -> list[Button]:
        """Returns a button for each issue that the customer's product has."""
        return self.topic_buttons(name for name in intents if self.product in (None, *issues()[name].products))

    def title_buttons(self, intents: Sequence[str]) -> list[Button]:
        """Returns a button for each issue that says its article's title."""
        return [button(self.article(intent).title, intent) for intent in intents]


class BotAction(Action, ABC):
    """An action that answers the customer; rules call it by its `action_name`."""

    action_name: str

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return self.action_name

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Answers; what then follows is the form that was interrupted or the customer's turn, unless `answer` says."""
        turn = Turn(dispatcher, tracker)
        events = self.answer(turn)
        handed_on = any(event["event"] == "followup" for event in events)
        return events if handed_on else [*events, FollowupAction(turn.form or "action_listen")]

    @abstractmethod
    def answer(self, turn: Turn) -> list[EventType]:
        """Utters what there is to say; returns the events to be remembered, and maybe the action that follows."""
