"""Says what the bot can do, answers what was not understood, and asks which of several issues is meant.

A message that was not understood gets documents, else likely issues, else the request to rephrase; topics or a person
come after that. A person comes first where somebody has died.
"""

from __future__ import annotations

from collections.abc import Sequence

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.answer import likely_passages
from actions.conversation import BotAction, Button, Turn, button, issues
from actions.documents import is_about_products, offer_documents
from actions.records import record_choice, record_fallback
from bot.articles.issues import common_issues
from bot.tickets.numbers import find_case_of_microsoft, find_number

_RECENT = 3
"""Number of the bot's last texts among which a list of topics is not given once more."""


def offer_topics(turn: Turn, reply: str) -> list[EventType]:
    """Utters a reply with a button for each common issue and one for a person; only the latter right after a list."""
    if {turn.reply("utter_help"), turn.reply("utter_topics")} & {*turn.bot_texts[-_RECENT:]}:
        return turn.say(turn.reply("objection_again"), [turn.person_button])
    return turn.say(turn.reply(reply), [*turn.topic_buttons(common_issues()), turn.person_button])


class ActionOfferTopics(BotAction, action="action_offer_topics"):
    """Says what the bot can do."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the help text and the topics; where else to find help, if the matter was just refused."""
        if turn.bot_texts[-1:] == [turn.reply("utter_out_of_scope")]:  # "so who can help me then?"
            return [FollowupAction("action_phone")]
        return [*turn.say_first(), *offer_topics(turn, "utter_help")]


class ActionNotUnderstood(BotAction, action="action_not_understood"):
    """Offers documents or issues that may be meant; otherwise asks to rephrase once, then offers topics."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the documents, the issues, the question to rephrase, or the way out."""
        if find_number(turn.text) or find_case_of_microsoft(turn.text):  # a number alone says what is wanted
            return [FollowupAction("action_ticket_status")]
        if turn.form:
            return turn.say(turn.reply("not_understood_in_form"))
        if turn.text:  # not Enter alone in a shell
            record_fallback(turn)
        opening, possible = turn.say_first(), possible_issues(turn)
        if offer_person_first(turn, possible):
            return opening
        which = turn.unsaid(turn.reply("which_passage"), turn.reply("which_passage_again"))
        if (passages := likely_passages(turn)) and not turn.has_said(which):  # no third list to choose from
            return [*opening, *turn.say(which, [*passages, turn.person_button])]
        ask = possible and turn.just_asked("choice") is None
        return [*opening, *(offer_documents(turn) or (ask_which(turn, possible) if ask else _ask_to_rephrase(turn)))]


def _ask_to_rephrase(turn: Turn) -> list[EventType]:
    """Asks to say it in other words, or says that it is none of our matters; later offers topics, or a person.

    A person where an answer was given, or where a matter of Microsoft's that is none of ours was refused before.
    """
    rephrase, issue = turn.reply("utter_rephrase"), turn.slot("issue")
    at_hand = issue in issues()  # it may be about the answer that was given
    out_of_scope = turn.reply("no_passage", topic=turn.topic(issue)) if at_hand else turn.reply("utter_out_of_scope")
    if not turn.has_said(out_of_scope) and not turn.has_said(rephrase):
        text = out_of_scope if turn.intent == "out_of_scope" else rephrase
        return turn.say(text, [turn.person_button] if at_hand else [])
    again = turn.reply("out_of_scope_again")
    if not at_hand and turn.has_said(out_of_scope) and not turn.has_said(again):
        return turn.say(again, [button(turn.label("other_topic"), "ask_help"), turn.person_button])
    refused_before = turn.has_said(out_of_scope) and is_about_products(turn)
    if at_hand or refused_before or turn.slot("ticket_number") or turn.has_said(turn.reply("utter_topics")):
        text = turn.unsaid(turn.reply("objection_again"), turn.reply("passage_known"))
        return turn.say(text, [turn.person_button])
    return offer_topics(turn, "utter_topics")


def possible_issues(turn: Turn) -> list[str]:
    """Returns the issues that the last message may mean, an empty list where one is clearly meant.

    How sure is sure enough is a setting of the pipeline, in config.yml.
    """
    found = [intent for intent in turn.message.triage.get("candidates") or [] if intent in issues()]
    return found if len(found) > 1 else []


def ask_which(
    turn: Turn,
    shown: list[str],
    question: str = "",
    answered: str = "",
    person: bool = False,
    passages: Sequence[Button] = (),
) -> list[EventType]:
    """Asks which of the issues it is, by their articles' titles, or none of them.

    Args:
        turn: the customer's turn.
        shown: the issues to choose from.
        question: the words; without them, the usual ones.
        answered: an issue that was answered already, in case that it is the one.
        person: whether a person is offered, too; always after a death.
        passages: buttons of passages that may answer it; others are left out.
    """
    only_passages = [each for each in passages if each["payload"].startswith("/more_detail")]
    buttons = [*turn.title_buttons(shown), *only_passages, button(turn.label("neither"), "none_of_these")]
    if person or "death" in turn.signals:  # often a matter that only a person can settle
        buttons.append(turn.person_button)
    turn.say(question or turn.reply("which_issue"), buttons)
    asked, offered = turn.just_asked("choice"), [*filter(None, [answered]), *shown]
    return [
        SlotSet("choice", {"text": asked["text"] if asked else turn.text, "shown": offered, "turn": len(turn.messages)})
    ]


def offer_person_first(turn: Turn, shown: list[str]) -> bool:
    """Offers a person after a death, where often nobody can sign in, and the issues only beside it; once.

    Args:
        turn: the customer's turn.
        shown: the issues that the message may mean.

    Returns:
        Whether that was said in place of an answer.
    """
    text = turn.reply("bereaved")
    if "death" not in turn.message.signals or turn.has_said(text):
        return False
    turn.say(text, [turn.person_button, *turn.title_buttons(shown), *likely_passages(turn)])
    return True


def settle(turn: Turn, chosen: str | None) -> list[EventType]:
    """Keeps what the customer chose; None for neither. Does nothing where no question was asked."""
    asked = turn.just_asked("choice")
    if asked is None:
        return []
    record_choice(turn, asked["text"], asked["shown"], chosen if chosen in asked["shown"] else None)
    return [SlotSet("choice", None)]
