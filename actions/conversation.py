"""What every action asks of the conversation and of the shipped content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction

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
    """Returns the language of the conversation."""
    return str(tracker.get_slot("language") or get_settings().default_language)


def intent_of(tracker: Tracker) -> str:
    """Returns the intent of the customer's last message, empty if there is none."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return str(intent.get("name") or "")


def text_of(tracker: Tracker) -> str:
    """Returns what the customer has typed last; empty for a button."""
    text = str((tracker.latest_message or {}).get("text") or "")
    return "" if text.startswith("/") else text


def confidence_of(tracker: Tracker) -> float:
    """Returns how certain the intent of the customer's last message is, 0 to 1."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return float(intent.get("confidence") or 0.0)


def best_issue(tracker: Tracker) -> tuple[str, float] | None:
    """Returns the most probable issue intent of the last message with its confidence, None if none is listed."""
    ranking = (tracker.latest_message or {}).get("intent_ranking") or []
    listed = ((str(item["name"]), float(item["confidence"])) for item in ranking)
    return next(((intent, confidence) for intent, confidence in listed if intent in issues()), None)


def triage_of(tracker: Tracker) -> dict[str, Any]:
    """Returns what the pipeline has noticed in the last message beside its intent, empty for a button."""
    return (tracker.latest_message or {}).get("triage") or {}


def entity_of(tracker: Tracker, name: str) -> str:
    """Returns the value of an entity in the customer's last message, empty if there is none."""
    return str(next(tracker.get_latest_entity_values(name), "") or "")


def customer_messages(tracker: Tracker) -> Iterator[dict[str, Any]]:
    """Yields the events of everything that the customer has said, buttons included, oldest first."""
    return (event for event in tracker.events if event["event"] == "user")


def turn_of(tracker: Tracker) -> int:
    """Returns how many messages the customer has sent so far."""
    return sum(1 for _ in customer_messages(tracker))


def form_of(tracker: Tracker) -> str:
    """Returns the form that is being filled, empty if there is none."""
    return str(tracker.active_loop_name or "")


def end_of_turn(tracker: Tracker) -> EventType:
    """Ends the turn: a form that was interrupted asks its question again, otherwise the customer's turn begins."""
    return FollowupAction(form_of(tracker) or "action_listen")


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


def title_buttons(intents: list[str] | tuple[str, ...], language: str) -> list[Button]:
    """Returns a button for each issue that says its article's title."""
    return [button(articles().article(intent, language).title, intent) for intent in intents]


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
