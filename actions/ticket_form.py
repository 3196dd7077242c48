"""The ticket's form: which answers it takes, and how it asks for each field."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from rasa_sdk.events import EventType

from actions.answer import section_of
from actions.conversation import FormAction, Turn, button, filled
from actions.draft import missing_facts, one_line
from bot.text.contacts import around_contacts, find_address, find_phone, without_address

MOST_TRIES = 3
FEW_WORDS = 5
_QUOTATION = re.compile(r"(?<=[.!?…”]) “")
"""The blank before a quotation that follows a sentence: another message of the customer's, which gets its own line."""
_PLAIN_YES = 6
"""A yes of more words says something else, too."""

ANSWER = "form_answer"
"""The intent of a message that answers a form's question; all others are for the rules."""


class ValidateTicketForm(FormAction, action="validate_ticket_form"):
    """Takes from a message what answers the form's question.

    A message that answers nothing is left to the rules (Rasa then rejects the form for this turn), so that a question
    in between is answered and a form can be cancelled or corrected.
    """

    def answer(self, turn: Turn) -> list[EventType]:
        """Returns the fields that the last message fills; a question in it is answered first."""
        if not is_answer(turn, "ticket_form"):
            return []
        fill = {"contact_email": _address, "ticket_summary": _summary, "ticket_consent": _consent}
        section = turn.entity("section") if turn.intent == ANSWER else None
        if section:  # "me@example.com. and do our mails keep going?"
            passage = section_of(turn, turn.entity("about"), section)
            if passage is not None and not turn.has_said(passage.text):
                turn.say(passage.text)
        return filled(**fill[str(turn.slot("requested_slot"))](turn))


class ActionAskContactEmail(FormAction, action="action_ask_ticket_form_contact_email"):
    """Asks where the customer can be reached."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the question; after an address that is none, what one looks like, and in the end a way round it."""
        # After something in between, the question is asked as if for the first time.
        tries = turn.slot("email_tries") or 0 if is_answer(turn, "ticket_form") else 0
        key = "ask_email" if not tries else "email_wrong" if tries < MOST_TRIES else "email_given_up"
        return turn.say(turn.reply(key), [button(turn.label("skip"), "skip_field"), turn.cancel_button])


class ActionAskTicketSummary(FormAction, action="action_ask_ticket_form_ticket_summary"):
    """Asks what is wrong, where nothing was said of it or what was said is not to stand in the ticket."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the question."""
        return turn.say(turn.reply("ask_summary"), [turn.cancel_button])


class ActionAskTicketConsent(FormAction, action="action_ask_ticket_form_ticket_consent"):
    """Shows what the ticket will say, and asks whether the conversation may go with it."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the question."""
        contacts = filter(None, map(turn.slot, ("contact_email", "contact_phone")))
        email = ", ".join(contacts) or turn.label("no_email")
        buttons = [
            button(turn.label("consent"), "affirm"),
            button(turn.label("no_consent"), "deny"),
            button(turn.label("change_contact"), "correct_field", field="contact_email"),
            button(turn.label("change_summary"), "correct_field", field="ticket_summary"),
            turn.cancel_button,
        ]
        description = _QUOTATION.sub("\n“", str(turn.slot("ticket_summary")))
        if added := _added(turn, description, email):
            return turn.say(turn.reply("consent_added", added=added), buttons)
        summary = "\n\n".join([description, *_asks_for_facts(turn)])
        return turn.say(turn.reply("ask_consent", email=email, summary=summary), buttons)


def _added(turn: Turn, description: str, email: str) -> str:
    """Returns the line that has come to a description which this form has shown; empty where all is to be shown."""
    begins = turn.reply("ask_consent", email=email, summary="\0").partition("\0")[0]
    since = takewhile(lambda event: event.get("name") != "ticket_form_id", reversed(turn.tracker.events))
    shown = "\n".join(str(event.get("text") or "") for event in since if event["event"] == "bot")
    *known, added = description.split("\n")
    all_known = bool(known) and all(line.removesuffix(".") in shown for line in known)  # what follows sets a full stop
    is_new = added not in shown and not added.endswith("…")  # one that was cut may have nothing new
    return added if all_known and begins in shown and is_new else ""


def _asks_for_facts(turn: Turn) -> list[str]:
    """Returns the question for facts that the ticket lacks; none where nothing is missing, or it was asked before."""
    missing = [turn.label(f"fact_{fact}") for fact in missing_facts(turn)]
    begins = turn.reply("ask_facts", facts="\0").partition("\0")[0]
    asked = any(begins in text for text in turn.bot_texts)
    return [turn.reply("ask_facts", facts=", ".join(missing))] if missing and not asked else []


def is_answer(turn: Turn, form: str) -> bool:
    """Tells whether a form has just been given a message, and is not being asked again after something in between."""
    for event in reversed(turn.tracker.events):
        if event["event"] == "user":
            break
        if event["event"] == "action" and event["name"] not in {form, "action_extract_slots"}:
            return False
    return bool(turn.slot("requested_slot"))


def has_switched_language(turn: Turn) -> bool:
    """Tells whether the last message has changed the language of the conversation."""
    events = turn.tracker.events
    last = max((place for place, event in enumerate(events) if event["event"] == "user"), default=0)
    named = [(place, event["value"]) for place, event in enumerate(events) if event.get("name") == "language"]
    before = [value for place, value in named if place < last]
    return bool(before) and before[-1] != named[-1][1]


def _address(turn: Turn) -> dict[str, Any]:
    """Takes an e-mail address or a telephone number, and what is said beside it; counts what is neither."""
    address, phone = find_address(turn.text), find_phone(turn.text)
    if address is not None:
        beside = find_phone(without_address(turn.text))
        return {
            "contact_email": address,
            "email_tries": 0,
            **({"contact_phone": beside} if beside else {}),
            **_beside(turn),
        }
    if phone is not None and "@" not in turn.text:
        return {"contact_email": "", "contact_phone": phone, "email_tries": 0, **_beside(turn)}
    if turn.intent == "skip_field":
        return {"contact_email": "", "email_tries": 0}
    return _no_address(turn) if turn.intent == ANSWER else {}


def _no_address(turn: Turn) -> dict[str, Any]:
    """Takes what is told of the matter where an address was asked for; counts what is too short for that."""
    if len(turn.text.split()) > FEW_WORDS and "@" not in turn.text:
        if has_switched_language(turn) or turn.message.is_angry or turn.entity("section"):  # a question, answered above
            return {"email_tries": 0}
        turn.say(turn.reply("noted"))
        description = filter(None, (turn.slot("ticket_summary"), turn.text))
        return {"email_tries": 0, "ticket_summary": one_line(description)}
    return {"email_tries": (turn.slot("email_tries") or 0) + 1}


def _beside(turn: Turn) -> dict[str, Any]:
    """Adds to the description what is said of the matter beside an address: "... I owe 388 euros, my card expired"."""
    summary, answered = turn.slot("ticket_summary"), turn.entity("section")
    # "me@x.com or 070-1740605, our mail is down": "or" is no part of the matter.
    description = ", ".join(part for part in around_contacts(turn.text) if len(part.split()) > _PLAIN_YES)
    adds = summary and not answered and len(description.split()) > _PLAIN_YES and description not in summary
    return {"ticket_summary": one_line([summary, description])} if adds else {}


def _summary(turn: Turn) -> dict[str, Any]:
    """Takes the customer's own words, which may well name an issue."""
    if turn.intent != ANSWER or not turn.text:
        return {}
    return _corrected_contact(turn.text) or {"ticket_summary": one_line([turn.text])}


def _consent(turn: Turn) -> dict[str, Any]:
    """Takes yes or no; what else is said of the matter goes into the ticket, and without a yes it is shown again."""
    answers = {"affirm": True, "deny": False, "skip_field": False}
    longer = {"ticket_summary": one_line([str(turn.slot("ticket_summary")), f"“{turn.text}”"])}
    if turn.intent == ANSWER:  # "and write that it is for the invoices, too"
        return _corrected_contact(turn.text) or longer
    if turn.intent == "affirm" and len(turn.text.split()) > _PLAIN_YES:  # "yes, and write that ..."
        return {"ticket_consent": True, **longer}
    return {"ticket_consent": answers[turn.intent]} if turn.intent in answers else {}


def _corrected_contact(text: str) -> dict[str, Any]:
    """Returns the address that a message names, where it says little else; empty if it is about something else."""
    address = find_address(text)
    return {"contact_email": address} if address and len(without_address(text).split()) <= FEW_WORDS else {}
