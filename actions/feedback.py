"""Takes the customer's yes or no to "Did that solve it?"."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import intent_of, issues, language_of, person_button, replies, topic_buttons


class ActionFeedback(Action):
    """Closes well on yes; offers related issues and a person on no."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_feedback"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters what follows from the customer's verdict on the issue at hand."""
        language = language_of(tracker)
        solved = intent_of(tracker) == "affirm"
        issue = issues().get(tracker.get_slot("issue") or "")
        if issue is None:  # yes or no to nothing
            dispatcher.utter_message(
                text=replies().text("utter_affirm_idle" if solved else "utter_deny_idle", language)
            )
            return [FollowupAction("action_listen")]
        if solved:
            dispatcher.utter_message(text=replies().text("utter_solved", language))
            return [SlotSet("issue", None), FollowupAction("action_listen")]
        dispatcher.utter_message(
            text=replies().text("utter_not_solved", language),
            buttons=[*topic_buttons(issue.related, language), person_button(language)],
        )
        return [FollowupAction("action_listen")]
