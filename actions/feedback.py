"""Answers a customer's verdict ("solved", "no"), thanks, remarks and objections, and words of despair or violence."""

from __future__ import annotations

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.answer import likely_passages
from actions.conversation import FAILED, BotAction, Turn, emptied, issues
from actions.documents import documents_verdict
from actions.recommended_steps import answer_again, offer_other
from actions.records import record_not_helped, record_outcome
from actions.topics import ask_which, settle
from bot.articles.issues import common_issues

_MOST_TOPICS = 5
_SAME_ISSUE = 0.5
"""Confidence from which an objection is about the issue that was answered."""
_MAY_MEAN = 0.15
"""Confidence from which an issue is offered to who says that another one was not meant."""
_REMARKS = 0.5
"""Confidence from which a message asks nothing: "ok, I'll call him"."""
_MOST_PASSAGES, _MOST_NEAR = 2, 4
"""Buttons after "that did not help": passages of the article at hand; these and related issues."""


class ActionFeedback(BotAction, action="action_feedback"):
    """Closes well on yes; on no goes on to related issues, and after those to a person."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters what follows from the customer's verdict on what was last asked."""
        if turn.form:
            return []
        yes = turn.intent in ("affirm", "solved")
        if yes and turn.bot_texts[-1:] in ([turn.reply("objection_again")], [turn.reply("utter_bot_challenge")]):
            return [FollowupAction("action_start_ticket")]  # nothing but a person was offered
        offered, asked, issue = turn.just_asked("documents"), turn.just_asked("choice"), turn.slot("issue")
        if offered is not None:
            return documents_verdict(turn, offered, helped=yes)
        if asked is not None or turn.intent == "none_of_these":
            shown = asked["shown"] if asked else []
            return ask_which(turn, shown) if yes else _neither(turn, shown)
        if issue not in issues():
            return _about_no_issue(turn, yes)
        return _solved(turn, issue) if yes else _not_solved(turn, issue)


def _neither(turn: Turn, shown: list[str]) -> list[EventType]:
    text = turn.reply("neither")
    if turn.has_said(text):  # other words and topics did not help either
        turn.say(turn.reply("objection_again"), [turn.person_button])
    else:
        near = dict.fromkeys(name for issue in shown for name in issues()[issue].related if name not in shown)
        turn.say(text, [*turn.fitting_buttons(near or common_issues())[:_MOST_TOPICS], turn.person_button])
    return settle(turn, None)


def _about_no_issue(turn: Turn, yes: bool) -> list[EventType]:
    """Answers a yes or no while no issue is at hand: it may be about the other one that was mentioned."""
    other = turn.slot("other_issue")
    if yes and other in issues():
        return [SlotSet("issue", other), FollowupAction("action_recommended_steps")]
    no_issue = turn.intent in FAILED
    if not yes and turn.bot_texts[-1:] == [turn.reply("utter_out_of_scope")]:  # "but it is about my bill"
        return turn.say(turn.unsaid(turn.reply("utter_rephrase"), turn.reply("objection_again")), [turn.person_button])
    turn.say(turn.reply("no_issue_yet" if no_issue else "utter_affirm_idle" if yes else "utter_deny_idle"))
    return emptied("other_issue")


def _solved(turn: Turn, issue: str) -> list[EventType]:
    record_outcome(turn, "solved", issue)
    other = turn.slot("other_issue")
    if other in issues():
        offer_other(turn, "solved_and_other", other)
    else:
        turn.say(turn.unsaid(turn.reply("utter_solved"), turn.reply("remark_again")))
    return emptied("issue", "tried")


def _not_solved(turn: Turn, issue: str) -> list[EventType]:
    """Offers the related issues once; if that does not help either, it is for a person."""
    record_outcome(turn, "not_solved", issue)
    record_not_helped(turn, issue)
    before = turn.slot("tried") or []
    tried = SlotSet("tried", list(dict.fromkeys([*before, issue])))
    if turn.entity("section"):  # "I called the bank, they say they blocked nothing"
        return [tried, FollowupAction("action_follow_up")]
    if before or "death" in turn.signals:
        return [tried, FollowupAction("action_start_ticket")]
    near = [*likely_passages(turn)[:_MOST_PASSAGES], *turn.fitting_buttons(issues()[issue].related)]
    turn.say(turn.reply("utter_not_solved"), [*near[:_MOST_NEAR], turn.person_button])
    return [tried]


class ActionReact(BotAction, action="action_react"):
    """Answers what asks for nothing, each time in other words; says what was understood where that was objected to."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the reaction."""
        if turn.intent == "objection":
            return _misunderstood(turn)
        if turn.intent == "remark" and turn.say_sorry([turn.person_button]):
            return []
        # A doubtful remark may lead up to something: "she is eleven".
        remark = "remark" if turn.message.confidence >= _REMARKS else "remark_doubtful"
        first = "utter_thank" if turn.intent == "thank" else remark
        return turn.say(turn.unsaid(*map(turn.reply, (first, f"{turn.intent}_again", f"{turn.intent}_third"))))


class ActionCrisis(BotAction, action="action_crisis"):
    """Sends whoever tells of despair or violence to people who can help; the second time opens the ticket's form."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters where to find help at once."""
        text = turn.reply("crisis")
        if turn.has_said(text) and not turn.form:
            return [FollowupAction("action_start_ticket")]
        return turn.say(text, [] if turn.form else [turn.person_button])


def _misunderstood(turn: Turn) -> list[EventType]:
    """Says what was understood and offers what is near; the second time a person, the third time the ticket's form."""
    issue = turn.slot("issue")
    if turn.entity("section"):  # "no, I asked whether my photos are lost"
        return [FollowupAction("action_follow_up")]
    if issue not in issues():
        return turn.say(turn.reply("utter_rephrase"))
    again = turn.reply("objection_again")
    if turn.has_said(again) or "death" in turn.signals:  # for a person, then
        return [FollowupAction("action_start_ticket")]
    texts = [turn.reply("which_passage"), turn.reply("which_passage_again")]
    if (passages := likely_passages(turn)) and not all(map(turn.has_said, texts)):
        turn.say_sympathy()
        return turn.say(turn.unsaid(*texts), [*passages, turn.person_button])
    named = next((each for each in turn.message.ranking if each["name"] in issues()), None)
    if named is not None and named["name"] == issue and named["confidence"] >= _SAME_ISSUE:
        return answer_again(turn, issue)  # "I asked about the price", where that was answered
    first = turn.reply("objection", topic=turn.topic(issue))
    meant = [each["name"] for each in turn.message.ranking if each["confidence"] >= _MAY_MEAN and each["name"] != issue]
    near = dict.fromkeys([*filter(issues().__contains__, meant), *issues()[issue].related])
    related = [] if turn.has_said(first) else turn.fitting_buttons(near)[:_MOST_NEAR]
    return turn.say(turn.unsaid(first, again), [*related, turn.person_button])
