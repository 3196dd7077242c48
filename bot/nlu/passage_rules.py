"""The rules that decide which passage of an article answers a message."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from bot.articles.parts import passage_kind
from bot.nlu.acts import (
    CLEAR_ISSUE,
    FAILED,
    FEW_WORDS,
    ISSUE_FROM,
    LIKELY,
    LITTLE,
    NONE_OF_THESE,
    NOT_ASKING,
    QUESTIONS,
    SMALL_TALK,
    SOME_WORDS,
    Act,
    CustomerMessage,
)
from bot.nlu.models.passage_finder import Found, FoundPassage, PassageFinder
from bot.nlu.models.passage_scores import Evidence
from bot.nlu.situation import Situation

# Probabilities from which a passage is shown: at all; without the next likely ones beside it; where the message may
# begin a new matter; where it may ask nothing; with an issue that the message names, which mostly wants the steps.
_SHOWN_FROM, _ALONE_FROM, _MATTER_FROM, _BESIDE_FROM, _FIRST_FROM = 0.28, 0.7, 0.4, 0.6, 0.7
_LONG_ISSUE_FROM = 0.75
"""`ISSUE_FROM` for a long message or a question, which a passage mostly answers better."""
_MAY_ASK = frozenset({*SMALL_TALK, *FAILED, "solved", "objection", "step_failed", NONE_OF_THESE})
"""Acts of messages that may ask something beside: "thanks. and are my photos lost?"."""
_NOTHING_SAID = frozenset({"out_of_scope", "nlu_fallback"})


class PassageRules:
    """Names the passage that a message asks for.

    Args:
        issues: the names of the issues.
        finder: the model of the passages.
    """

    def __init__(self, issues: Iterable[str], finder: PassageFinder) -> None:
        self._issues = frozenset(issues)
        self._finder = finder

    def add(self, act: Act | None, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns the act of a message with the passage that it asks for, or those that it may be about.

        A question gets the passage that it asks for; what a passage surely answers becomes a question.

        Args:
            act: by the rules of acts, None where the message's intent says already what it is.
            message: the message.
            situation: where it is said.
        """
        details = act is not None and act.name == "more_detail" and message.words > FEW_WORDS
        asks = act is not None and (act.name in QUESTIONS or "question" in act.values or details)
        known = situation.topics or situation.ticket  # a ticket may be opened before any issue is named
        if not known or not (asks or (not situation.field and _may_ask(act, message, self._issues))):
            return act
        if act is not None and "product" in act.values:
            situation = replace(situation, product=act.values["product"])
        found = self._find(message, situation)
        if act is None and message.begins_another(situation.topics):  # "one more thing, where are my invoices?"
            return self._with_passage(Act(*message.named), message, situation.product or None, found)
        likeliest, passage = found.likeliest, found.passage()
        if act is None or act.name == NONE_OF_THESE:
            act = self._of_matter(act, message, situation.topics, likeliest, passage)
            return self._with_passage(act, message, situation.product or None, found)
        if (details or act.name in QUESTIONS) and not situation.field:
            return self._of_question(act, likeliest, passage)
        if asks:
            sure = passage.confidence >= _SHOWN_FROM
            return Act(act.name, act.confidence, {**act.values, **passage.values}) if sure else act
        return self._beside(act, message, likeliest, passage)

    def asked_first(self, text: str, issue: str, product: str | None) -> FoundPassage | None:
        """Returns the passage that the first message of a conversation surely asks for, None if there is none."""
        found = self._finder.find_first(text, issue, product)
        return found if found.slug and found.confidence >= _FIRST_FROM else None

    def _with_passage(self, act: Act | None, message: CustomerMessage, product: str | None, found: Found) -> Act | None:
        """Returns an issue that a longer message names with the passage of its article that answers it, or a choice."""
        if act is None and message.intent in self._issues and message.named[1] >= LIKELY:
            act = Act(*message.named)
        if act is None or act.name not in self._issues or not _says_much(message):
            return act
        passage = self.asked_first(message.text, act.name, product)
        values = found.passage(act.name).choice if passage is None else passage.values
        return Act(act.name, act.confidence, {**act.values, **values})

    def _beside(self, act: Act, message: CustomerMessage, likeliest: FoundPassage, passage: FoundPassage) -> Act:
        """Returns the question that stands beside thanks, a verdict or an objection, else the act itself.

        "Did all that, still declined" gets the passages that it may be about.
        """
        # "thanks. do you need the certificate?"
        if act.name in NOT_ASKING and "?" in message.text and likeliest.issue:
            return self._of_question(Act(_question_of(passage.slug), passage.confidence), likeliest, passage)
        asks = act.name not in NOT_ASKING or max(message.acts[name] for name in QUESTIONS) >= LITTLE
        enough = _SHOWN_FROM if act.name == "objection" else _BESIDE_FROM
        if not asks or not likeliest.slug or likeliest.confidence < enough:
            return Act(act.name, act.confidence, {**act.values, **passage.choice}) if act.name in FAILED else act
        kept = act.name if act.name in ("objection", "step_failed") else _question_of(likeliest.slug)
        return Act(kept, likeliest.confidence, likeliest.values)

    def _of_question(self, act: Act, likeliest: FoundPassage, passage: FoundPassage) -> Act:
        """Returns a question with the passage that answers it, or the issue whose steps do."""
        if likeliest.issue and not likeliest.slug and likeliest.confidence >= LIKELY:
            return Act(likeliest.issue, likeliest.confidence)  # "and how do I cancel it, then?"
        if act.name == "ask_where" and passage.confidence < LIKELY:
            return act  # where something is mostly stands in a step
        return Act(act.name, act.confidence, {**act.values, **self._answer_or_choice(passage)})

    def _of_matter(
        self,
        act: Act | None,
        message: CustomerMessage,
        topics: Collection[str],
        likeliest: FoundPassage,
        passage: FoundPassage,
    ) -> Act | None:
        """Returns the question, or the issue, of a message that seems to begin a matter of its own."""
        if not likeliest.issue:
            return act
        if act is None and message.intent in self._issues:
            return self._of_issue(message, topics, likeliest, passage)
        if not _says_much(message) or not likeliest.slug or likeliest.confidence < _MATTER_FROM:
            return act
        return Act(_question_of(likeliest.slug), likeliest.confidence, self._answer_or_choice(likeliest))

    def _of_issue(
        self, message: CustomerMessage, topics: Collection[str], likeliest: FoundPassage, passage: FoundPassage
    ) -> Act | None:
        """Returns the issue that a message names, or the passage that it asks for; None leaves it at its intent."""
        asks, (named, clearly) = "?" in message.text, message.named
        plain = message.words <= SOME_WORDS and clearly >= CLEAR_ISSUE
        if plain and named not in topics:
            return Act(named, clearly)  # "how do I cancel my subscription?"
        steps = None if likeliest.slug else Act(likeliest.issue, likeliest.issue_confidence)
        long = asks or message.words > SOME_WORDS  # mostly has a question that a passage answers
        if steps is not None and steps.confidence >= (_LONG_ISSUE_FROM if long else ISSUE_FROM):
            return steps
        if not asks and message.words <= FEW_WORDS:  # "my credit card was declined", once more, asks nothing
            return None
        if passage.slug and passage.confidence >= _SHOWN_FROM:
            return Act(_question_of(passage.slug), passage.confidence, self._answer_or_choice(passage))
        return (steps or Act("more_detail", passage.confidence, passage.choice)) if long else None

    def _answer_or_choice(self, found: FoundPassage) -> dict[str, str]:
        """Returns the passage that answers a question, the next ones beside it if it is doubtful, or a choice."""
        if found.confidence >= _ALONE_FROM:
            return found.values
        return {**found.values, **found.others} if found.confidence >= _SHOWN_FROM else found.choice

    def _find(self, message: CustomerMessage, situation: Situation) -> Found:
        """Returns what a message may ask for."""
        evidence = Evidence(
            message.ranking,
            message.acts,
            at_hand=next(iter(situation.topics), ""),
            earlier=situation.topics[1:],
            product=situation.product or None,
            given=situation.given,
        )
        return self._finder.find(message.text, evidence)


def _question_of(slug: str) -> str:
    """Returns the act that asks for a passage."""
    kind = passage_kind(slug)
    return "not_there" if kind == "not_there" else f"ask_{kind}" if kind else "more_detail"


def _says_much(message: CustomerMessage) -> bool:
    """Tells whether a message may have a question in it, with or without its mark."""
    return "?" in message.text or message.words > FEW_WORDS


def _may_ask(act: Act | None, message: CustomerMessage, issues: Iterable[str]) -> bool:
    """Tells whether a message that no act makes a question may be one all the same."""
    if act is None:
        return message.intent in _NOTHING_SAID or message.intent in issues
    if act.name in NOT_ASKING and "?" not in message.text and act.confidence >= LIKELY:
        return False
    return act.name in _MAY_ASK and message.words > FEW_WORDS
