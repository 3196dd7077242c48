"""Takes the customer's verdict: on an answer, on documents found, on issues to choose from."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.clarification import ask_which, pending_choice, settle
from actions.conversation import (
    end_of_turn,
    form_of,
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
from actions.documents import documents_verdict, pending_documents
from actions.recommended_steps import offer_other
from actions.records import record_outcome
from bot.articles.issues import common_issues

_MOST_TOPICS = 5
_YES = ("affirm", "solved")


class ActionFeedback(Action):
    """Closes well on yes; on no goes on to related issues, and after those to a person."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_feedback"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters what follows from the customer's verdict on what was last asked."""
        if form_of(tracker):
            return [end_of_turn(tracker)]
        said = intent_of(tracker)
        yes = said in _YES
        offered = pending_documents(tracker)
        if offered is not None:
            return documents_verdict(dispatcher, tracker, offered, helped=yes)
        asked = pending_choice(tracker)
        if asked is not None:
            return ask_which(dispatcher, tracker, asked["shown"]) if yes else _neither(dispatcher, tracker)
        if said == "none_of_these":
            return _neither(dispatcher, tracker)
        issue = tracker.get_slot("issue")
        if issue not in issues():
            return _about_no_issue(dispatcher, tracker, yes)
        return _solved(dispatcher, tracker, issue) if yes else _not_solved(dispatcher, tracker, issue)


def _neither(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    language = language_of(tracker)
    asked = pending_choice(tracker)
    shown = asked["shown"] if asked else []
    near = dict.fromkeys(name for issue in shown for name in issues()[issue].related if name not in shown)
    topics = topic_buttons(list(near) or common_issues(), language, known_product(tracker))[:_MOST_TOPICS]
    buttons = [*topics, person_button(language)]
    dispatcher.utter_message(text=replies().dialogue("neither", language), buttons=buttons)
    return [*settle(tracker, None), FollowupAction("action_listen")]


def _about_no_issue(dispatcher: CollectingDispatcher, tracker: Tracker, yes: bool) -> list[EventType]:
    """Answers a yes or no while no issue is at hand: it may be about the other one that was mentioned."""
    language = language_of(tracker)
    other = tracker.get_slot("other_issue")
    if yes and other in issues():
        return [SlotSet("issue", other), FollowupAction("action_recommended_steps")]
    if intent_of(tracker) in ("already_tried", "not_helped"):
        dispatcher.utter_message(text=replies().dialogue("no_issue_yet", language))
    else:
        dispatcher.utter_message(text=replies().text("utter_affirm_idle" if yes else "utter_deny_idle", language))
    return [SlotSet("other_issue", None), FollowupAction("action_listen")]


def _solved(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    language = language_of(tracker)
    record_outcome(tracker, "solved", issue)
    other = tracker.get_slot("other_issue")
    if other in issues():
        offer_other(dispatcher, "solved_and_other", other, language)
    else:
        texts = [replies().text("utter_solved", language), replies().dialogue("remark_again", language)]
        dispatcher.utter_message(text=unsaid(tracker, texts))
    return [SlotSet("issue", None), SlotSet("tried", None), FollowupAction("action_listen")]


def _not_solved(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Offers the related issues once; if that does not help either, it is for a person."""
    language = language_of(tracker)
    record_outcome(tracker, "not_solved", issue)
    before = tracker.get_slot("tried") or []
    events: list[EventType] = [SlotSet("tried", list(dict.fromkeys([*before, issue])))]
    if before or "death" in signals_of(tracker):
        return [*events, FollowupAction("action_start_ticket")]
    dispatcher.utter_message(
        text=replies().text("utter_not_solved", language),
        buttons=[*topic_buttons(issues()[issue].related, language, known_product(tracker)), person_button(language)],
    )
    return [*events, FollowupAction("action_listen")]
