"""Offers the topics that come up most: as help, and where a message was not understood."""

from __future__ import annotations

from rasa_sdk.events import EventType, FollowupAction

from actions.clarification import ask_which, offer_person_first, possible_issues
from actions.conversation import BotAction, Turn
from actions.documents import offer_documents
from actions.records import record_fallback
from bot.articles.issues import common_issues
from bot.tickets import find_number


def offer_topics(turn: Turn, reply: str) -> None:
    """Utters a reply with a button for each common issue and one for a person."""
    turn.say(turn.reply(reply), [*turn.topic_buttons(common_issues()), turn.person_button])


class ActionOfferTopics(BotAction):
    """Says what the bot can do."""

    action_name = "action_offer_topics"

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the help text and the topics."""
        told = turn.say_first()
        offer_topics(turn, "utter_help")
        return told


class ActionNotUnderstood(BotAction):
    """Offers documents or issues that may be meant; otherwise asks to rephrase once, then offers topics."""

    action_name = "action_not_understood"

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the documents, the issues, the question to rephrase, or the way out."""
        if find_number(turn.text):  # a ticket's number alone says what is wanted
            return [FollowupAction("action_ticket_status")]
        if turn.form:
            turn.say(turn.reply("not_understood_in_form"))
            return []
        record_fallback(turn)
        told, possible = turn.say_first(), possible_issues(turn)
        if offer_person_first(turn, possible):
            return told
        offered = offer_documents(turn)
        if offered is None and possible and turn.just_asked("choice") is None:
            offered = ask_which(turn, possible)
        if offered is None:
            _ask_to_rephrase(turn)
        return [*told, *(offered or [])]


def _ask_to_rephrase(turn: Turn) -> None:
    """Asks to say it in other words; the second time offers topics, the third time a person."""
    out_of_scope, rephrase = turn.reply("utter_out_of_scope"), turn.reply("utter_rephrase")
    if not turn.has_said(out_of_scope) and not turn.has_said(rephrase):
        turn.say(out_of_scope if turn.intent == "out_of_scope" else rephrase)
    elif turn.has_said(turn.reply("utter_topics")):
        turn.say(turn.reply("objection_again"), [turn.person_button])
    else:
        offer_topics(turn, "utter_topics")
