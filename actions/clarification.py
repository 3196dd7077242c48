"""Asks which of two or three issues it is where none is sure enough, and keeps what the customer meant."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    button,
    has_said,
    issues,
    language_of,
    person_button,
    replies,
    signals_of,
    text_of,
    title_buttons,
    triage_of,
    turn_of,
)
from actions.records import record_choice


def possible_issues(tracker: Tracker) -> list[str]:
    """Returns the issues that the last message may mean, an empty list where one is clearly meant.

    How sure is sure enough is a setting of the pipeline, in config.yml.
    """
    found = [intent for intent in triage_of(tracker).get("candidates") or [] if intent in issues()]
    return found if len(found) > 1 else []


def ask_which(dispatcher: CollectingDispatcher, tracker: Tracker, shown: list[str]) -> list[EventType]:
    """Asks which of the issues it is, by their articles' titles, or none of them."""
    language = language_of(tracker)
    buttons = [*title_buttons(shown, language), button(replies().label("neither", language), "none_of_these")]
    if "death" in signals_of(tracker):  # often a matter that only a person can settle
        buttons.append(person_button(language))
    dispatcher.utter_message(text=replies().dialogue("which_issue", language), buttons=buttons)
    asked = pending_choice(tracker)
    text = asked["text"] if asked else text_of(tracker)
    choice = {"text": text, "shown": shown, "turn": turn_of(tracker)}
    return [SlotSet("choice", choice), FollowupAction("action_listen")]


def offer_person_first(dispatcher: CollectingDispatcher, tracker: Tracker, shown: list[str]) -> bool:
    """Offers a person after a death, where often nobody can sign in, and the issues only beside it; once.

    Args:
        dispatcher: utters the offer.
        tracker: the conversation.
        shown: the issues that the message may mean.

    Returns:
        Whether that was said in place of an answer.
    """
    language = language_of(tracker)
    text = replies().dialogue("bereaved", language)
    if "death" not in (triage_of(tracker).get("signals") or []) or has_said(tracker, text):
        return False
    dispatcher.utter_message(text=text, buttons=[person_button(language), *title_buttons(shown, language)])
    return True


def pending_choice(tracker: Tracker) -> dict[str, Any] | None:
    """Returns the question "A or B?" that the last message answers, None if none was asked just before it."""
    choice = tracker.get_slot("choice")
    return choice if choice and choice["turn"] == turn_of(tracker) - 1 else None


def settle(tracker: Tracker, chosen: str | None) -> list[EventType]:
    """Keeps what the customer chose; None for neither. Does nothing where no question was asked."""
    asked = pending_choice(tracker)
    if asked is None:
        return []
    record_choice(asked["text"], language_of(tracker), asked["shown"], chosen if chosen in asked["shown"] else None)
    return [SlotSet("choice", None)]
