"""What a customer may say in the middle of any form: correct a field, cancel, skip."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import end_of_turn, entity_of, form_of, intent_of, language_of, replies, text_of
from actions.hand_over import emptied_form
from actions.ticket_status import emptied_status
from bot.text.contacts import find_address

FIELDS = {
    "ticket_form": ("contact_email", "ticket_summary"),
    "status_form": ("status_number", "status_email"),
}
_ADDRESSES = ("contact_email", "status_email")


class ActionFormCommand(Action):
    """Corrects a field of the form, or ends the form."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_form_command"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Does what was asked, or says that no form is open."""
        language, form, said = language_of(tracker), form_of(tracker), intent_of(tracker)
        if said in ("cancel_form", "goodbye") and (form or tracker.get_slot("ticket_form_id")):
            dispatcher.utter_message(text=replies().dialogue(f"{form or 'ticket_form'}_cancelled", language))
            if said == "goodbye":
                dispatcher.utter_message(text=replies().text("utter_goodbye", language))
            return [
                ActiveLoop(None),
                SlotSet("requested_slot", None),
                *emptied_form(),
                *emptied_status(),
                FollowupAction("action_listen"),
            ]
        if said == "correct_field" and form:
            return [*_corrected(tracker, form), end_of_turn(tracker)]
        if not form:
            key = {"cancel_form": "nothing_to_cancel", "correct_field": "nothing_to_correct"}.get(said)
            text = replies().dialogue(key, language) if key else replies().text("utter_deny_idle", language)
            dispatcher.utter_message(text=text)
        return [end_of_turn(tracker)]


def _corrected(tracker: Tracker, form: str) -> list[EventType]:
    """Empties the field that is wrong, so that the form asks for it again, or takes the right address at once."""
    field = _field(tracker, form)
    address = find_address(text_of(tracker))
    if address is not None:
        field = next(name for name in FIELDS[form] if name in _ADDRESSES)
    if field is None:  # the question at hand shows what can be changed
        return []
    tries = [SlotSet("email_tries", 0)] if field == "contact_email" else []
    return [SlotSet(field, address), *tries]


def _field(tracker: Tracker, form: str) -> str | None:
    """Returns the field that a button or a sentence names; else the one before the question, None if that is open."""
    named = entity_of(tracker, "field")
    if named in FIELDS[form]:
        return named
    text = text_of(tracker).casefold()
    for field in FIELDS[form]:
        if any(word in text for word in replies().words(field, language_of(tracker))):
            return field
    requested = tracker.get_slot("requested_slot")
    return FIELDS[form][0] if requested == FIELDS[form][1] else None
