"""The ticket's form: which answers it takes, and how it asks for each field."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    button,
    intent_of,
    language_of,
    replies,
    text_of,
)
from actions.draft import one_line
from bot.text.contacts import find_address, find_phone, without_address

MOST_TRIES = 3
FEW_WORDS = 5
_PLAIN_YES = 6
"""A yes of more words says something else, too."""

ANSWER = "form_answer"
"""The intent of a message that answers a form's question; all others are for the rules."""


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
    """Asks what is wrong, where nothing was said of it or what was said is not to stand in the ticket."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_ticket_form_ticket_summary"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        language = language_of(tracker)
        dispatcher.utter_message(text=replies().dialogue("ask_summary", language), buttons=[cancel_button(language)])
        return []


class ActionAskTicketConsent(Action):
    """Shows what the ticket will say, and asks whether the conversation may go with it."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_ticket_form_ticket_consent"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        language = language_of(tracker)
        contacts = filter(None, map(tracker.get_slot, ("contact_email", "contact_phone")))
        email = ", ".join(contacts) or replies().label("no_email", language)
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
    """Takes an e-mail address or a telephone number; counts what is neither."""
    text, said = text_of(tracker), intent_of(tracker)
    address, phone = find_address(text), find_phone(text)
    if address is not None:
        beside = find_phone(without_address(text))
        return {"contact_email": address, "email_tries": 0, **({"contact_phone": beside} if beside else {})}
    if phone is not None and "@" not in text:
        return {"contact_email": "", "contact_phone": phone, "email_tries": 0}
    if said == "skip_field":
        return {"contact_email": "", "email_tries": 0}
    if said != ANSWER:
        return {}
    if has_switched_language(tracker) and len(text.split()) > FEW_WORDS:  # asked again in the new one
        return {"email_tries": 0}
    return {"email_tries": (tracker.get_slot("email_tries") or 0) + 1}


def _summary(tracker: Tracker) -> dict[str, Any]:
    """Takes the customer's own words, which may well name an issue."""
    text = text_of(tracker)
    if intent_of(tracker) != ANSWER or not text:
        return {}
    return _corrected_contact(text) or {"ticket_summary": one_line([text])}


def _consent(tracker: Tracker) -> dict[str, Any]:
    """Takes yes or no; what else is said of the matter goes into the ticket, and without a yes it is shown again."""
    answers = {"affirm": True, "deny": False, "skip_field": False}
    said, text = intent_of(tracker), text_of(tracker)
    longer = {"ticket_summary": one_line([str(tracker.get_slot("ticket_summary")), text])}
    if said == ANSWER:  # "and write that it is for the invoices, too"
        return _corrected_contact(text) or longer
    if said == "affirm" and len(text.split()) > _PLAIN_YES:  # "yes, and write that ..."
        return {"ticket_consent": True, **longer}
    return {"ticket_consent": answers[said]} if said in answers else {}


def _corrected_contact(text: str) -> dict[str, Any]:
    """Returns the address that a message names, where it says little else; empty if it is about something else."""
    address = find_address(text)
    return {"contact_email": address} if address and len(without_address(text).split()) <= FEW_WORDS else {}
