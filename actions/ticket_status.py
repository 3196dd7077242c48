"""Tells owners how their tickets are getting on, and nobody else anything."""

from __future__ import annotations

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.conversation import BotAction, FormAction, Turn, emptied, filled
from actions.ticket_form import ANSWER, MOST_TRIES, is_answer
from bot.articles.replies import support_request_url
from bot.text.contacts import find_address
from bot.tickets import ticket_store
from bot.tickets.model import Ticket, TicketStoreError
from bot.tickets.numbers import find_case_of_microsoft, find_number

FORM = "status_form"
MOST_GUESSES = 5


class ActionTicketStatus(BotAction, action="action_ticket_status"):
    """Tells about a ticket of this conversation; asks for number and address of any other."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the status, or begins the form that asks whose ticket it is."""
        if turn.form == FORM:
            return []
        number, url = find_number(turn.text), support_request_url(turn.product)
        if number is None and find_case_of_microsoft(turn.text):
            return turn.say(turn.reply("foreign_case", url=url))
        try:
            own = _own(turn, number)
        except TicketStoreError:
            return turn.say(turn.reply("status_failed", url=url))
        if own is not None:
            return turn.say(turn.reply("ticket_exists") if turn.entity("question") else _told(turn, own))
        if turn.form:
            return turn.say(turn.reply("status_later"))
        return [*emptied_status(), SlotSet("status_number", number), FollowupAction(FORM)]


class ValidateStatusForm(FormAction, action="validate_status_form"):
    """Takes number and address from a message; what is neither is left to the rules."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Returns the fields that the last message fills."""
        if not is_answer(turn, FORM):
            return []
        found = {"status_number": find_number(turn.text), "status_email": find_address(turn.text)}
        found = {field: value for field, value in found.items() if value is not None}
        if found:
            return filled(**found, number_tries=0)
        if case := find_case_of_microsoft(turn.text):
            return filled(status_number=case, status_email="")
        if turn.slot("requested_slot") == "status_email" and turn.intent == "skip_field":
            return [SlotSet("status_email", "")]
        if turn.intent not in (ANSWER, "skip_field", "ticket_status"):
            return []
        tries = (turn.slot("number_tries") or 0) + 1
        # Who cannot name it gets the same answer as whoever names a wrong one.
        given_up = [SlotSet("status_number", turn.slot("status_number") or ""), SlotSet("status_email", "")]
        return [SlotSet("number_tries", tries), *(given_up if tries >= MOST_TRIES else [])]


class ActionAskStatusNumber(FormAction, action="action_ask_status_form_status_number"):
    """Asks for the ticket's number."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the question for the field that the action's name ends in."""
        field = self.name().rpartition("_")[2]
        wrong = is_answer(turn, FORM) and turn.slot("number_tries")
        key = f"status_{field}_wrong" if wrong else f"ask_status_{field}"
        return turn.say(turn.reply(key), [turn.person_button, turn.cancel_button])


class ActionAskStatusEmail(ActionAskStatusNumber, action="action_ask_status_form_status_email"):
    """Asks for the address that was given for the ticket."""


class ActionTellStatus(BotAction, action="action_tell_status"):
    """Tells the status to whoever has proved to be the owner; everybody else gets one and the same answer."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the status or the neutral answer; after too many guesses nothing is looked up any more."""
        guesses = turn.slot("status_guesses") or 0
        number, email = turn.slot("status_number") or "", turn.slot("status_email") or None
        done = [*emptied_status(), FollowupAction("action_listen")]
        if find_case_of_microsoft(number):
            turn.say(turn.reply("foreign_case", url=support_request_url(turn.product)))
            return done
        try:
            found = ticket_store().status_for(number, turn.tracker.sender_id, email) if guesses < MOST_GUESSES else None
        except TicketStoreError:
            turn.say(turn.reply("status_failed", url=support_request_url(turn.product)))
            return done
        if found is None:
            turn.say(turn.reply("status_unknown"), [turn.person_button])
            return [SlotSet("status_guesses", guesses + 1), *done]
        turn.say(_told(turn, found))
        return done


def _own(turn: Turn, number: str | None) -> Ticket | None:
    """Returns the ticket of this conversation that is asked about, the newest if no number is named."""
    if number is not None:
        return ticket_store().status_for(number, turn.tracker.sender_id)
    return next(iter(ticket_store().statuses_in(turn.tracker.sender_id)), None)


def _told(turn: Turn, ticket: Ticket) -> str:
    """Returns what the owner is told, with the date as the language writes it."""
    from babel.dates import format_date

    opened = format_date(ticket.opened_at, "long", locale=turn.language)
    return turn.reply(f"status_{ticket.state}", number=ticket.number, date=opened)


def emptied_status() -> list[EventType]:
    """Returns the events that leave nothing of an earlier question for a ticket's status."""
    return [*emptied("status_number", "status_email"), SlotSet("number_tries", 0)]
