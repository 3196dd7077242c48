"""Corrects a field of any open form, or cancels the form; says so where there is none to correct or cancel.

Skipping a field is left to the forms themselves.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.conversation import BotAction, Turn, replies
from actions.hand_over import emptied_form, left_form
from actions.ticket_status import emptied_status
from bot.text.contacts import find_address

FIELDS = {"ticket_form": ("contact_email", "ticket_summary"), "status_form": ("status_number", "status_email")}
_ADDRESSES = {"ticket_form": "contact_email", "status_form": "status_email"}


class ActionFormCommand(BotAction, action="action_form_command"):
    """Corrects a field of the form, or ends the form."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Does what was asked, or says that no form is open."""
        intent = turn.intent
        if intent in ("cancel_form", "goodbye") and (turn.form or turn.slot("ticket_form_id")):
            turn.say(turn.reply(f"{turn.form or 'ticket_form'}_cancelled"))
            if intent == "goodbye":
                turn.say(turn.reply("utter_goodbye"))
            return [*left_form(), *emptied_form(), *emptied_status(), FollowupAction("action_listen")]
        if intent == "correct_field" and turn.form:
            return _corrected(turn)
        if not turn.form:
            keys = {"cancel_form": "nothing_to_cancel", "correct_field": "nothing_to_correct"}
            turn.say(turn.reply(keys.get(intent, "utter_deny_idle")))
        return []


def _corrected(turn: Turn) -> list[EventType]:
    """Empties the field that is wrong, so that the form asks for it again, or takes the right address at once."""
    address = find_address(turn.text)
    field = _field(turn) if address is None else _ADDRESSES[turn.form]
    if field is None:  # the question at hand shows what can be changed
        return []
    tries = [SlotSet("email_tries", 0)] if field == "contact_email" else []
    return [SlotSet(field, address), *tries]


def _field(turn: Turn) -> str | None:
    """Returns the field that a button or a sentence names; else the one before the question, None if that is open."""
    fields, text, pressed = FIELDS[turn.form], turn.text.casefold(), turn.entity("field")
    named = (field for field in fields if any(word in text for word in replies().words(field, turn.language)))
    before = fields[0] if turn.slot("requested_slot") == fields[1] else None
    return pressed if pressed in fields else next(named, before)
