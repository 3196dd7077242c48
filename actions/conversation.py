"""What every action asks of the conversation and of the shipped content."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.articles.issues import Issue, load_issues
from bot.articles.replies import Replies
from bot.articles.store import ArticleStore
from bot.settings import get_settings

# `rasa shell` would print the structured payload as JSON below the text.
TEXT_ONLY_CHANNELS = frozenset({"cmdline"})

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


def tell_language(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """Says, once, that the customer's language is understood but not answered in; returns what is to be remembered."""
    written, language = tracker.get_slot("language"), language_of(tracker)
    if written in (None, language, tracker.get_slot("language_told")):
        return []
    dispatcher.utter_message(text=replies().language_notice(written, language))
    return [SlotSet("language_told", written)]


def intent_of(tracker: Tracker) -> str:
    """Returns the intent of the customer's last message, empty if there is none."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return str(intent.get("name") or "")


def shows_payloads(tracker: Tracker) -> bool:
    """Tells whether the customer's channel can show structured answers beside text."""
    return tracker.get_latest_input_channel() not in TEXT_ONLY_CHANNELS


def button(title: str, intent: str, **entities: str) -> Button:
    """Returns a button that acts as if the customer had said something with this intent."""
    values = json.dumps(entities) if entities else ""
    return {"title": title, "payload": f"/{intent}{values}"}


def topic_buttons(intents: list[str] | tuple[str, ...], language: str) -> list[Button]:
    """Returns a button for each issue."""
    return [button(replies().topic(intent, language), intent) for intent in intents]


def person_button(language: str) -> Button:
    """Returns the button that asks for a person."""
    return button(replies().label("person", language), "talk_to_human")


def common_issues() -> list[str]:
    """Returns the intents that the bot offers by itself, in the table's order."""
    return [intent for intent, issue in issues().items() if issue.common]


def plain_values(value: Any) -> Any:
    """Returns the value with tuples as lists, as JSON would have it."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value
