"""Offers the topics that come up most: as help, and where a message was not understood."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction
from rasa_sdk.executor import CollectingDispatcher

from actions.clarification import ask_which, offer_person_first, pending_choice, possible_issues
from actions.conversation import (
    end_of_turn,
    form_of,
    has_said,
    intent_of,
    language_of,
    person_button,
    replies,
    say_first,
    text_of,
    topic_buttons,
)
from actions.documents import offer_documents
from actions.records import record_fallback
from bot.articles.issues import common_issues
from bot.tickets.numbers import find_number


def offer_topics(dispatcher: CollectingDispatcher, reply: str, language: str) -> None:
    """Utters a reply with a button for each common issue and one for a person."""
    dispatcher.utter_message(
        text=replies().text(reply, language),
        buttons=[*topic_buttons(common_issues(), language), person_button(language)],
    )


class ActionOfferTopics(Action):
    """Says what the bot can do."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_offer_topics"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the help text and the topics."""
        told = say_first(dispatcher, tracker)
        offer_topics(dispatcher, "utter_help", language_of(tracker))
        return [*told, end_of_turn(tracker)]


class ActionNotUnderstood(Action):
    """Offers documents or issues that may be meant; otherwise asks to rephrase once, then offers topics."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_not_understood"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the documents, the issues, the question to rephrase, or the way out."""
        language, text = language_of(tracker), text_of(tracker)
        if find_number(text):  # a ticket's number alone says what is wanted
            return [FollowupAction("action_ticket_status")]
        if form_of(tracker):
            dispatcher.utter_message(text=replies().dialogue("not_understood_in_form", language))
            return [end_of_turn(tracker)]
        record_fallback(tracker, text)
        told = say_first(dispatcher, tracker)
        if offer_person_first(dispatcher, tracker, possible_issues(tracker)):
            return [*told, FollowupAction("action_listen")]
        offered = offer_documents(dispatcher, tracker)
        if offered is None and (possible := possible_issues(tracker)) and pending_choice(tracker) is None:
            offered = ask_which(dispatcher, tracker, possible)
        return [*told, *(_ask_to_rephrase(dispatcher, tracker) if offered is None else offered)]


def _ask_to_rephrase(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """Asks to say it in other words; the second time offers topics, the third time a person."""
    language = language_of(tracker)
    reply = "utter_out_of_scope" if intent_of(tracker) == "out_of_scope" else "utter_rephrase"
    topics, person = replies().text("utter_topics", language), replies().dialogue("objection_again", language)
    if not any(has_said(tracker, replies().text(key, language)) for key in ("utter_out_of_scope", "utter_rephrase")):
        dispatcher.utter_message(text=replies().text(reply, language))
    elif has_said(tracker, topics):
        dispatcher.utter_message(text=person, buttons=[person_button(language)])
    else:
        offer_topics(dispatcher, "utter_topics", language)
    return [FollowupAction("action_listen")]
