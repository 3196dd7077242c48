"""Hands a conversation over to a person: begins the ticket's form, and opens the ticket once it is filled."""

from __future__ import annotations

import uuid
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    button,
    end_of_turn,
    form_of,
    has_said,
    has_ticket,
    intent_of,
    issues,
    known_product,
    language_of,
    person_button,
    replies,
    text_of,
    unsaid,
)
from actions.draft import draft_of, summary_of
from actions.recommended_steps import offer_other
from actions.records import record_outcome
from bot.articles.links import support_request_url
from bot.text.contacts import find_address, find_phone
from bot.tickets import ticket_store
from bot.tickets.model import TicketStoreError

FORM = "ticket_form"


class ActionStartTicket(Action):
    """Begins the form of a ticket, with what is known already."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_start_ticket"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Says what comes now, and hands on to the form."""
        if form_of(tracker) == FORM:
            text = replies().dialogue("hand_over_now", language_of(tracker))
            if not has_said(tracker, text):
                dispatcher.utter_message(text=text)
            return [end_of_turn(tracker)]
        left = [ActiveLoop(None), SlotSet("requested_slot", None)] if form_of(tracker) else []
        if tracker.get_slot("ticket_consent") is not None:  # filled, but the store was down
            return [*left, FollowupAction(FORM)]
        after_no = intent_of(tracker) != "talk_to_human"
        if after_no and has_ticket(tracker):
            dispatcher.utter_message(
                text=replies().dialogue("ticket_exists", language_of(tracker)),
                buttons=[person_button(language_of(tracker))],
            )
            return [*left, FollowupAction("action_listen")]
        keys = ("hand_over_next", "hand_over") if after_no else ("hand_over", "hand_over_now")
        texts = [replies().dialogue(key, language_of(tracker)) for key in keys]
        dispatcher.utter_message(text=unsaid(tracker, texts))
        return [*left, *_begun(tracker, SlotSet("contact_email", known_address(tracker)))]


class ActionPhone(Action):
    """Takes a telephone number for a ticket, or says where numbers to call are found."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_phone"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Hands a number on to the ticket's form; without one, utters the way to one."""
        language, number = language_of(tracker), find_phone(text_of(tracker))
        if number is not None and form_of(tracker) == FORM:
            return [SlotSet("contact_phone", number), end_of_turn(tracker)]
        if number is not None:
            return _begun(tracker, SlotSet("contact_email", ""), SlotSet("contact_phone", number))
        text = replies().dialogue("ask_phone", language, url=support_request_url(known_product(tracker)))
        buttons = [] if form_of(tracker) else [button(replies().label("leave_number", language), "talk_to_human")]
        dispatcher.utter_message(text=text, buttons=buttons)
        return [end_of_turn(tracker)]


class ActionOpenTicket(Action):
    """Opens the ticket and says its number."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_open_ticket"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the number; where the ticket cannot be kept, an apology with another way, and keeps the form."""
        language = language_of(tracker)
        try:
            ticket = ticket_store().open(draft_of(tracker))
        except TicketStoreError:
            dispatcher.utter_message(
                text=replies().dialogue("ticket_failed", language, url=support_request_url(known_product(tracker))),
                buttons=[
                    button(replies().label("try_again", language), "talk_to_human"),
                    button(replies().label("cancel", language), "cancel_form"),
                ],
            )
            return [FollowupAction("action_listen")]
        phone = tracker.get_slot("contact_phone")
        key = "ticket_opened" if ticket.contact_email else "ticket_opened_without_address"
        text = replies().dialogue(
            "ticket_about_phone" if phone else key,
            language,
            phone=phone,
            number=ticket.number,
            email=ticket.contact_email,
        )
        dispatcher.utter_message(text=text)
        record_outcome(tracker, "handed_over", tracker.get_slot("issue"))
        other = tracker.get_slot("other_issue")
        if other in issues():
            offer_other(dispatcher, "also_mentioned", other, language)
        done = [SlotSet(slot, None) for slot in ("issue", "tried", "failed_steps", "documents")]
        return [*emptied_form(), *done, SlotSet("ticket_number", ticket.number), FollowupAction("action_listen")]


def _begun(tracker: Tracker, *known: EventType) -> list[EventType]:
    """Returns the events that begin a new form in which something is known already."""
    return [
        *emptied_form(),
        SlotSet("ticket_form_id", str(uuid.uuid4())),
        SlotSet("ticket_summary", summary_of(tracker)),
        *known,
        FollowupAction(FORM),
    ]


def emptied_form() -> list[EventType]:
    """Returns the events that leave nothing of an earlier form."""
    fields = (
        "ticket_form_id",
        "contact_email",
        "contact_phone",
        "ticket_summary",
        "ticket_consent",
    )
    return [*(SlotSet(field, None) for field in fields), SlotSet("email_tries", 0)]


def known_address(tracker: Tracker) -> str | None:
    """Returns the address that the page has told of its visitor, None if it has not."""
    metadata = (tracker.latest_message or {}).get("metadata") or {}
    return find_address(str(metadata.get("email") or ""))
