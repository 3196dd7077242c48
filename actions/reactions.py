"""Answers what asks for nothing, says that the answer was beside the point, or tells of despair or violence."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    end_of_turn,
    entity_of,
    form_of,
    has_said,
    intent_of,
    issues,
    known_product,
    language_of,
    person_button,
    replies,
    signals_of,
    topic_buttons,
    unsaid,
)


class ActionReact(Action):
    """Says something short, and not what it has said before."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_react"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the reaction."""
        said, language = intent_of(tracker), language_of(tracker)
        if said == "objection":
            return _misunderstood(dispatcher, tracker)
        first = replies().text("utter_thank", language) if said == "thank" else replies().dialogue("remark", language)
        others = [replies().dialogue(f"{said}_{place}", language) for place in ("again", "third")]
        dispatcher.utter_message(text=unsaid(tracker, [first, *others]))
        return [end_of_turn(tracker)]


class ActionCrisis(Action):
    """Sends whoever tells of despair or violence to people who can help; the second time opens the ticket's form."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_crisis"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters where to find help at once."""
        language = language_of(tracker)
        text = replies().dialogue("crisis", language)
        if has_said(tracker, text) and not form_of(tracker):
            return [FollowupAction("action_start_ticket")]
        dispatcher.utter_message(text=text, buttons=[] if form_of(tracker) else [person_button(language)])
        return [end_of_turn(tracker)]


def _misunderstood(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """Says what was understood and offers what is near; the second time a person, the third time the ticket's form."""
    language, issue = language_of(tracker), tracker.get_slot("issue")
    if entity_of(tracker, "section"):  # "no, I asked whether my photos are lost"
        return [FollowupAction("action_follow_up")]
    if issue not in issues():
        dispatcher.utter_message(text=replies().text("utter_rephrase", language))
        return [end_of_turn(tracker)]
    again = replies().dialogue("objection_again", language)
    if has_said(tracker, again) or "death" in signals_of(tracker):  # for a person, then
        return [FollowupAction("action_start_ticket")]
    first = replies().dialogue("objection", language, topic=replies().topic(issue, language))
    text = unsaid(tracker, [first, again])
    related = topic_buttons(issues()[issue].related, language, known_product(tracker)) if text == first else []
    dispatcher.utter_message(text=text, buttons=[*related, person_button(language)])
    return [end_of_turn(tracker)]
