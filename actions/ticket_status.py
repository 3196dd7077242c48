"""Tells owners how their tickets are getting on, and nobody else anything."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    end_of_turn,
    form_of,
    intent_of,
    known_product,
    language_of,
    person_button,
    replies,
    text_of,
)
from actions.ticket_form import ANSWER, MOST_TRIES, cancel_button, is_answer
from bot.articles.links import support_request_url
from bot.text.contacts import find_address
from bot.tickets import ticket_store
from bot.tickets.model import TicketStatus, TicketStoreError
from bot.tickets.numbers import find_number

FORM = "status_form"
MOST_GUESSES = 5
# Microsoft's own case numbers: 16 digits, the first two the year.
_FOREIGN_CASE = re.compile(r"(?<!\d)2[0-9]\d{14}(?!\d)")


class ActionTicketStatus(Action):
    """Tells about a ticket of this conversation; asks for number and address of any other."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_ticket_status"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the status, or begins the form that asks whose ticket it is."""
        language, form = language_of(tracker), form_of(tracker)
        if form == FORM:
            return [end_of_turn(tracker)]
        number = find_number(text_of(tracker))
        if number is None and _FOREIGN_CASE.search(text_of(tracker)):
            url = support_request_url(known_product(tracker))
            dispatcher.utter_message(text=replies().dialogue("foreign_case", language, url=url))
            return [end_of_turn(tracker)]
        try:
            own = _own(tracker, number)
        except TicketStoreError:
            dispatcher.utter_message(
                text=replies().dialogue("status_failed", language, url=support_request_url(known_product(tracker)))
            )
            return [end_of_turn(tracker)]
        if own is not None:
            dispatcher.utter_message(text=_told(own, language))
            return [end_of_turn(tracker)]
        if form:
            dispatcher.utter_message(text=replies().dialogue("status_later", language))
            return [end_of_turn(tracker)]
        return [*emptied_status(), SlotSet("status_number", number), FollowupAction(FORM)]


class ValidateStatusForm(Action):
    """Takes number and address from a message; what is neither is left to the rules."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "validate_status_form"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Returns the fields that the last message fills."""
        if not is_answer(tracker, FORM):
            return []
        text, intent = text_of(tracker), intent_of(tracker)
        number, address = find_number(text), find_address(text)
        found = {"status_number": number, "status_email": address}
        filled = {field: value for field, value in found.items() if value is not None}
        if filled:
            return [SlotSet(field, value) for field, value in {**filled, "number_tries": 0}.items()]
        asked = tracker.get_slot("requested_slot")
        if asked == "status_email" and intent == "skip_field":
            return [SlotSet("status_email", "")]
        if intent not in (ANSWER, "skip_field", "ticket_status"):
            return []
        tries = (tracker.get_slot("number_tries") or 0) + 1
        # Who cannot name it gets the same answer as whoever names a wrong one.
        given_up = [SlotSet("status_number", tracker.get_slot("status_number") or ""), SlotSet("status_email", "")]
        return [SlotSet("number_tries", tries), *(given_up if tries >= MOST_TRIES else [])]


class ActionAskStatusNumber(Action):
    """Asks for the ticket's number."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_status_form_status_number"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        return _ask(dispatcher, tracker, "number")


class ActionAskStatusEmail(Action):
    """Asks for the address that was given for the ticket."""

    def name(self) -> str:
        """Returns the name under which the form calls the action."""
        return "action_ask_status_form_status_email"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the question."""
        return _ask(dispatcher, tracker, "email")


class ActionTellStatus(Action):
    """Tells the status to whoever has proved to be the owner; everybody else gets one and the same answer."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_tell_status"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the status or the neutral answer; after too many guesses nothing is looked up any more."""
        language = language_of(tracker)
        guesses = tracker.get_slot("status_guesses") or 0
        number, email = tracker.get_slot("status_number") or "", tracker.get_slot("status_email") or None
        try:
            found = ticket_store().status_for(number, tracker.sender_id, email) if guesses < MOST_GUESSES else None
        except TicketStoreError:
            dispatcher.utter_message(
                text=replies().dialogue("status_failed", language, url=support_request_url(known_product(tracker)))
            )
            return [*emptied_status(), FollowupAction("action_listen")]
        if found is not None:
            dispatcher.utter_message(text=_told(found, language))
        else:
            buttons = [person_button(language)]
            dispatcher.utter_message(text=replies().dialogue("status_unknown", language), buttons=buttons)
            guesses += 1
        return [*emptied_status(), SlotSet("status_guesses", guesses), FollowupAction("action_listen")]


def _own(tracker: Tracker, number: str | None) -> TicketStatus | None:
    """Returns the ticket of this conversation that is asked about, the newest if no number is named."""
    if number is not None:
        return ticket_store().status_for(number, tracker.sender_id)
    return next(iter(ticket_store().statuses_in(tracker.sender_id)), None)


def _told(status: TicketStatus, language: str) -> str:
    """Returns what the owner is told, with the date as the language writes it."""
    from babel.dates import format_date

    opened = format_date(status.opened_at, "long", locale=language)
    return replies().dialogue(f"status_{status.state}", language, number=status.number, date=opened)


def _ask(dispatcher: CollectingDispatcher, tracker: Tracker, what: str) -> list[EventType]:
    language = language_of(tracker)
    wrong = is_answer(tracker, FORM) and tracker.get_slot("number_tries")
    key = f"status_{what}_wrong" if wrong else f"ask_status_{what}"
    dispatcher.utter_message(text=replies().dialogue(key, language), buttons=[cancel_button(language)])
    return []


def emptied_status() -> list[EventType]:
    """Returns the events that leave nothing of an earlier question for a ticket's status."""
    return [SlotSet("status_number", None), SlotSet("status_email", None), SlotSet("number_tries", 0)]


def _failed(tracker: Tracker) -> str:
    url = support_request_url(known_product(tracker))
    return replies().dialogue("status_failed", language_of(tracker), url=url)
