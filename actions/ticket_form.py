"""The ticket's form: which answers it takes, and how it asks for each field."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.addresses import find_address, without_address
from actions.conversation import (
    FEW_WORDS,
    button,
    confidence_of,
    intent_of,
    issues,
    language_of,
    replies,
    text_of,
)

MOST_TRIES = 3

# What a form leaves to the rules, whatever it has asked.
COMMANDS = frozenset({"cancel_form", "correct_field", "talk_to_human"})
# What a customer may want to know in between; the rules answer it, then the form asks again.
_QUESTIONS = frozenset(
    {
        *("ask_help", "bot_challenge", "choose_product", "ticket_status", "greet", "thank", "goodbye"),
        *("step_failed", "already_tried", "ask_duration", "send_again", "more_detail"),
    }
)
# Below this, a text that is no address is taken for a mistyped one and not for something else. Calibrated confidence:
# a guess that is more often wrong than right.
_SURELY = 0.5
_LONGEST_LINE = 300


class ValidateTicketForm(Action):
    """Takes from a message what answers the form's question.

    A message that answers nothing is left to the rules (Rasa then rejects the form for this turn), so that a question
    in between is answered and a form can be cancelled or corrected.
    """

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "validate_ticket_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Returns the fields that the last message fills."""
        if not is_answer(tracker, "ticket_form"):
            return []
        fill = {"contact_email": _address, "ticket_summary": _summary, "ticket_consent": _consent}
        found = fill[str(tracker.get_slot("requested_slot"))](tracker)
        return [SlotSet(field, value) for field, value in found.items()]


class ActionAskContactEmail(Action):
    """Asks where the customer can be reached."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_ticket_form_contact_email"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question; after an address that is none, what one looks like, and in the end a way round it."""
        language = language_of(tracker)
        # After something in between, the question is asked as if for the first time.
        tries = tracker.get_slot("email_tries") or 0 if is_answer(tracker, "ticket_form") else 0
        key = "ask_email" if not tries else "email_wrong" if tries < MOST_TRIES else "email_given_up"
        dispatcher.utter_message(
            text=replies().dialogue(key, language),
            buttons=[button(replies().label("skip", language), "skip_field"), cancel_button(language)],
        )
        return []


class ActionAskTicketSummary(Action):
    """Asks what is wrong, or whether it is what the customer has said before."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_ticket_form_ticket_summary"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        language = language_of(tracker)
        suggestion = tracker.get_slot("summary_suggestion")
        if suggestion:
            text = replies().dialogue("ask_summary_right", language, summary=suggestion)
            answers = [(key, replies().label(key, language)) for key in ("affirm", "deny")]
            buttons = [*(button(label, key) for key, label in answers), cancel_button(language)]
        else:
            text, buttons = replies().dialogue("ask_summary", language), [cancel_button(language)]
        dispatcher.utter_message(text=text, buttons=buttons)
        return []


class ActionAskTicketConsent(Action):
    """Shows what the ticket will say, and asks whether the conversation may go with it."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_ticket_form_ticket_consent"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        language = language_of(tracker)
        email = tracker.get_slot("contact_email") or replies().label("no_email", language)
        summary = tracker.get_slot("ticket_summary")
        dispatcher.utter_message(
            text=replies().dialogue("ask_consent", language, email=email, summary=summary),
            buttons=[
                button(replies().label("consent", language), "affirm"),
                button(replies().label("no_consent", language), "deny"),
                button(replies().label("change_email", language), "correct_field", field="contact_email"),
                button(replies().label("change_summary", language), "correct_field", field="ticket_summary"),
                cancel_button(language),
            ],
        )
        return []


def is_answer(tracker: Tracker, form: str) -> bool:
    """Tells whether a form has just been given a message, and is not being asked again after something in between."""
    for event in reversed(tracker.events):
        if event["event"] == "user":
            break
        if event["event"] == "action" and event["name"] not in {form, "action_extract_slots"}:
            return False
    return bool(tracker.get_slot("requested_slot"))


def is_question(tracker: Tracker) -> bool:
    """Tells whether a message is surely no answer to a form, but something that the rules can answer."""
    if not text_of(tracker):  # a button that is none of the form's
        return True
    return confidence_of(tracker) >= _SURELY and (intent_of(tracker) in _QUESTIONS or intent_of(tracker) in issues())


def has_switched_language(tracker: Tracker) -> bool:
    """Tells whether the last message has changed the language of the conversation."""
    values: list[str] = []
    before_it = None
    for event in tracker.events:
        if event["event"] == "user":
            before_it = values[-1] if values else None
        if event["event"] == "slot" and event["name"] == "language":
            values.append(str(event["value"]))
    return before_it is not None and values[-1] != before_it


def cancel_button(language: str) -> dict[str, str]:
    """Returns the button that ends a form."""
    return button(replies().label("cancel", language), "cancel_form")


def _address(tracker: Tracker) -> dict[str, Any]:
    text = text_of(tracker)
    address = find_address(text)
    if address is not None:
        return {"contact_email": address, "email_tries": 0}
    if "@" not in text:
        if has_switched_language(tracker) and len(text.split()) > FEW_WORDS:  # asked again in the new one
            return {"email_tries": 0}
        if intent_of(tracker) in ("skip_field", "deny"):
            return {"contact_email": "", "email_tries": 0}
        if intent_of(tracker) in COMMANDS or is_question(tracker):
            return {}
    return {"email_tries": (tracker.get_slot("email_tries") or 0) + 1}


def _summary(tracker: Tracker) -> dict[str, Any]:
    """Takes yes or no to the suggested summary, or the customer's own words, which may well name an issue."""
    text, intent = text_of(tracker), intent_of(tracker)
    suggestion = tracker.get_slot("summary_suggestion")
    if intent == "affirm" and suggestion:
        return {"ticket_summary": suggestion}
    if intent == "deny" and suggestion and len(text.split()) <= FEW_WORDS:
        return {"summary_suggestion": None}
    if intent == "skip_field" and suggestion:
        return {"ticket_summary": suggestion}
    if _corrects_address(text):
        return {"contact_email": find_address(text)}
    asks = text.rstrip().endswith("?") or (intent not in issues() and len(text.split()) <= FEW_WORDS)
    if intent in COMMANDS or (asks and is_question(tracker)) or not text or intent in ("affirm", "deny", "skip_field"):
        return {}
    return {"ticket_summary": " ".join(text.split())[:_LONGEST_LINE]}


def _consent(tracker: Tracker) -> dict[str, Any]:
    if _corrects_address(text_of(tracker)):
        return {"contact_email": find_address(text_of(tracker))}
    answers = {"affirm": True, "deny": False, "skip_field": False}
    intent = intent_of(tracker)
    return {"ticket_consent": answers[intent]} if intent in answers else {}


def _corrects_address(text: str) -> bool:
    """Tells whether a message is about an address: it names one and says little else."""
    return find_address(text) is not None and len(without_address(text).split()) <= FEW_WORDS
