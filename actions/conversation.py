"""What every action asks of the conversation and of the shipped content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.articles.issues import Issue, load_issues
from bot.articles.parts import AGREEMENTS, PRODUCTS
from bot.articles.replies import Replies
from bot.articles.store import ArticleStore
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


def say_first(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """Says what comes before any answer, each once: sympathy, and that the customer's language is not answered in.

    Returns:
        What is to be remembered.
    """
    language = language_of(tracker)
    noticed = triage_of(tracker).get("signals") or []
    words = next(
        (replies().dialogue(signal, language) for signal in ("death", "service_down") if signal in noticed), ""
    )
    if words and not has_said(tracker, words):
        dispatcher.utter_message(text=words)
    written = tracker.get_slot("language")
    if written in (None, language, tracker.get_slot("language_told")):
        return []
    dispatcher.utter_message(text=replies().language_notice(written, language))
    return [SlotSet("language_told", written)]


def intent_of(tracker: Tracker) -> str:
    """Returns what the customer's last message means, as the pipeline has recognised it; empty if there is none."""
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


def triage_of(tracker: Tracker) -> dict[str, Any]:
    """Returns what the pipeline has noticed in the last message beside its intent, empty for a button."""
    return (tracker.latest_message or {}).get("triage") or {}


def signals_of(tracker: Tracker) -> list[str]:
    """Returns what makes the matter urgent so far (`bot.nlu.models.sentiment`): a death, a deadline."""
    parsed = [event.get("parse_data") or {} for event in customer_messages(tracker)]
    return list(dict.fromkeys(name for each in parsed for name in (each.get("triage") or {}).get("signals") or []))


def known_product(tracker: Tracker) -> str | None:
    """Returns the customer's product, None while it is not known."""
    product = tracker.get_slot("product")
    return product if product in PRODUCTS else None


def known_agreement(tracker: Tracker) -> str | None:
    """Returns the customer's billing agreement, `unknown` if she does not know it, None while it is not known."""
    agreement = tracker.get_slot("agreement")
    return agreement if agreement in (*AGREEMENTS, UNKNOWN) else None


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


def has_said(tracker: Tracker, text: str) -> bool:
    """Tells whether the bot has said a text in this conversation."""
    return any(event["event"] == "bot" and event.get("text") == text for event in tracker.events)


def unsaid(tracker: Tracker, texts: Sequence[str]) -> str:
    """Returns the first of several texts that the bot has not said in this conversation, else the last."""
    return next((text for text in texts if not has_said(tracker, text)), texts[-1])


def has_ticket(tracker: Tracker) -> bool:
    """Tells whether a ticket was opened in this conversation."""
    return bool(tracker.get_slot("ticket_number"))


def shows_payloads(tracker: Tracker) -> bool:
    """Tells whether the customer's channel can show structured answers beside text."""
    return tracker.get_latest_input_channel() not in TEXT_ONLY_CHANNELS


def button(title: str, intent: str, **entities: str) -> Button:
    """Returns a button that acts as if the customer had said something with this intent."""
    values = json.dumps(entities) if entities else ""
    return {"title": title, "payload": f"/{intent}{values}"}


def topic_buttons(intents: Sequence[str], language: str, product: str | None = None) -> list[Button]:
    """Returns a button for each issue; where the product is known, for those that it has."""
    fitting = [intent for intent in intents if product is None or product in issues()[intent].products]
    return [button(replies().topic(intent, language), intent) for intent in fitting]


def title_buttons(intents: list[str] | tuple[str, ...], language: str) -> list[Button]:
    """Returns a button for each issue that says its article's title."""
    return [button(articles().article(intent, language).title, intent) for intent in intents]


def person_button(language: str) -> Button:
    """Returns the button that asks for a person."""
    return button(replies().label("person", language), "talk_to_human")


def shortened(line: str, longest: int) -> str:
    """Returns a line of so many characters at the most; a longer one ends after a whole word, with an ellipsis."""
    cut = line[: longest - 1]
    return line if len(line) <= longest else f"{(cut.rpartition(' ')[0] or cut).rstrip()}…"


def plain_values(value: Any) -> Any:
    """Returns the value with tuples as lists, as JSON would have it."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value
