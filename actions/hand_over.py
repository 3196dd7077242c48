"""Hands a conversation over to a person: to an agent where one can be waited for, else by a form and a ticket.

It takes telephone numbers for tickets, too. A form whose ticket cannot be kept stays filled, to be tried again.
"""

from __future__ import annotations

import uuid

from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet

from actions.conversation import BotAction, Turn, button, emptied, filled, issues, replies
from actions.draft import draft_of, summary_of
from actions.records import record_outcome
from actions.topics import ask_which
from bot.articles.replies import support_request_url
from bot.settings import get_settings
from bot.text.contacts import customers_address, find_address, find_phone
from bot.tickets import ticket_store
from bot.tickets.model import TicketStoreError

FORM = "ticket_form"
_SURELY, _LIKELY_ISSUES = 0.6, 3
"""Confidence from which a first message surely wants a person; below it, the number of issues that are offered, too."""


class ActionStartTicket(BotAction, action="action_start_ticket"):
    """Begins the form of a ticket, with what is known already."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Says what comes now, and hands on to the form."""
        now = turn.reply("hand_over_now")
        if turn.form == FORM:
            if not turn.has_said(now):
                turn.say(now)
            return []
        left = left_form() if turn.form else []
        likely = [each["name"] for each in turn.message.ranking if each["name"] in issues()][:_LIKELY_ISSUES]
        if turn.text and not turn.bot_texts and turn.message.confidence < _SURELY and likely:
            return ask_which(turn, likely, person=True)  # "a mail says that my payment failed, is it a scam?"
        if turn.slot("ticket_consent") is not None:  # filled, but the store was down
            return [*left, FollowupAction(FORM)]
        after_no = turn.intent not in ("talk_to_human", "affirm", "solved")  # or yes, to the offer of a person
        if after_no and turn.slot("ticket_number"):
            turn.say(turn.reply("ticket_exists"), [turn.person_button])
            return [*left, FollowupAction("action_listen")]
        metadata = turn.parsed.get("metadata") or {}  # in which the page names its visitor
        first = turn.reply("hand_over")
        turn.say_sorry()
        if metadata.get("desk") == "nobody":
            turn.say(turn.reply("hand_over_nobody"))
        elif waits_for_agent(turn):
            return [*left, FollowupAction("action_listen")]
        else:
            turn.say(turn.unsaid(turn.reply("hand_over_next"), first) if after_no else turn.unsaid(first, now))
        address = find_address(str(metadata.get("email") or "")) or _address_left(turn)
        return [*left, *_begun(turn, SlotSet("contact_email", address))]


def _address_left(turn: Turn) -> str | None:
    """Returns the address that the customer has typed last where she wanted a person, None if there is none."""
    wishes = (message for message in reversed(turn.messages) if message.is_typed and message.intent == "talk_to_human")
    return next(filter(None, (customers_address(message.text) for message in wishes)), None)


def waits_for_agent(turn: Turn) -> bool:
    """Lets the customer wait for an agent, where agents take over and one is present; tells whether so."""
    channel = turn.tracker.get_latest_input_channel()
    if channel == "chatwoot":  # whose agents see the conversation as soon as the channel has handed it over
        turn.say(replies().page("live_waiting", turn.language), payload={"type": "waiting"})
        return True
    if get_settings().desk == "off" or channel != "page":
        return False
    from bot.stores.live import live_store  # the database is not loaded before it is needed

    try:
        store = live_store()
        if turn.entity("field") == FORM:  # a ticket is wanted, and no talk
            store.leave(turn.tracker.sender_id)
            return False
        if store.state(turn.tracker.sender_id).state != "waiting" and not store.present():
            return False
        first = store.want(turn.tracker.sender_id, turn.language, turn.slot("issue"))
    except TicketStoreError:
        return False
    turn.say(turn.reply("wait_for_agent" if first else "wait_still"), payload={"type": "waiting"})
    return True


class ActionPhone(BotAction, action="action_phone"):
    """Takes a telephone number for a ticket, or says where numbers to call are found."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Hands a number on to the ticket's form; without one, utters the way to one."""
        number = find_phone(turn.text)
        if number is not None:
            known = SlotSet("contact_phone", number)
            return [known] if turn.form == FORM else _begun(turn, SlotSet("contact_email", ""), known)
        text = turn.reply("ask_phone", url=support_request_url(turn.product))
        if turn.bot_texts[-1:] == [text] and not turn.form:  # "I asked for no number, I want it in writing"
            return [FollowupAction("action_start_ticket")]
        return turn.say(text, [] if turn.form else [button(turn.label("leave_number"), "talk_to_human")])


class ActionOpenTicket(BotAction, action="action_open_ticket"):
    """Opens the ticket and says its number."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the number; where the ticket cannot be kept, an apology with another way, and keeps the form."""
        listen = FollowupAction("action_listen")
        try:
            ticket = ticket_store().open(draft_of(turn))
        except TicketStoreError:
            again = button(turn.label("try_again"), "talk_to_human")
            turn.say(turn.reply("ticket_failed", url=support_request_url(turn.product)), [again, turn.cancel_button])
            return [listen]
        phone, email = turn.slot("contact_phone"), ticket.contact_email
        key = "ticket_about_phone" if phone else "ticket_opened" if email else "ticket_opened_without_address"
        turn.say(turn.reply(key, phone=phone, number=ticket.number, email=email))
        record_outcome(turn, "handed_over", turn.slot("issue"))
        done = emptied("issue", "other_issue", "tried", "failed_steps", "documents")
        return [*emptied_form(), *done, SlotSet("ticket_number", ticket.number), listen]


def _begun(turn: Turn, *known: EventType) -> list[EventType]:
    """Returns the events that begin a new form in which something is known already."""
    begun = filled(ticket_form_id=str(uuid.uuid4()), ticket_summary=summary_of(turn))
    return [*emptied_form(), *begun, *known, FollowupAction(FORM)]


def left_form() -> list[EventType]:
    """Returns the events that end the form that is being filled."""
    return [ActiveLoop(None), *emptied("requested_slot")]


def emptied_form() -> list[EventType]:
    """Returns the events that leave nothing of an earlier form."""
    fields = ("contact_email", "contact_phone", "ticket_summary", "ticket_consent")
    return [*emptied("ticket_form_id", *fields), SlotSet("email_tries", 0)]
