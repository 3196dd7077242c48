"""The rules that decide which passage of an article answers a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bot.articles.parts import passage_kind
from bot.nlu.acts import (
    FAILED,
    FEW_WORDS,
    LIKELY,
    LITTLE,
    NONE_OF_THESE,
    NOT_ASKING,
    QUESTIONS,
    SMALL_TALK,
    SURE,
    Act,
    CustomerMessage,
)
from bot.nlu.models.passage_finder import FoundPassage, PassageFinder
from bot.nlu.situation import Situation

_ASKING = frozenset(QUESTIONS) - {"ask_where"}
"""Acts that ask what a passage answers; where something is mostly stands in a step."""
_MAY_ASK = frozenset({*SMALL_TALK, *FAILED, "solved", "objection", "step_failed", NONE_OF_THESE})
"""Acts of messages that may ask something beside: "thanks. and are my photos lost?"."""


class PassageRules:
    """Names the passage that a message asks for.

    Args:
        settings: those of the component `Context`.
        issues: the names of the issues.
        finder: the model of the passages.
    """

    def __init__(self, settings: Mapping[str, Any], issues: Iterable[str], finder: PassageFinder) -> None:
        self._settings = settings
        self._issues = frozenset(issues)
        self._finder = finder

    def add(self, act: Act | None, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns the act of a message with the passage that it asks for, or those that it may be about.

        Args:
            act: by the rules of acts, None where the message's intent says already what it is.
            message: the message.
            situation: where it is said.
        """
        return self._with_likely(self._with_passage(act, message, situation), message, situation)

    def asked_first(self, text: str, issue: str, product: str | None) -> FoundPassage | None:
        """Returns the passage that the first message of a conversation surely asks for, None if there is none."""
        found = self._finder.find(self._finder.scores(text), issue, product)
        return found if found.slug and found.confidence >= self._settings["passage_first"] else None

    def _with_passage(self, act: Act | None, message: CustomerMessage, situation: Situation) -> Act | None:
        """Adds to a question the passage that it asks for; makes a question of what one surely answers."""
        asks = act is not None and (act.name in _ASKING or "question" in act.values)
        if not situation.topics or not (asks or (not situation.field and _may_ask(act, message, self._issues))):
            return act
        if act is not None and "product" in act.values:
            situation = replace(situation, product=act.values["product"])
        if act is not None and act.name in _ASKING and not situation.field:
            found = self._passage(message, situation, situation.topics[0])
            return Act(act.name, act.confidence, {**act.values, **self._answer_or_choice(found)})
        begins = act is None or act.name == NONE_OF_THESE
        named, confidence = message.named
        # "my credit card was declined", once more, asks nothing.
        may_ask = "?" in message.text or message.words > FEW_WORDS
        if begins and may_ask and named in situation.topics and confidence >= LITTLE:
            found = self._passage(message, situation, named)
        elif asks:
            found = self._passage(message, situation, situation.topics[0])
        elif act is not None and act.name == "objection":  # what is at hand may be the very mistake
            found = self._passage(message, situation, situation.topics[0], 1.0)
        else:
            found = self._passage(message, situation, None)
            if found.confidence < self._settings["passage_of_matter" if begins else "passage_sure"]:
                return act
        if found.confidence < self._settings["passage_from"]:
            return act
        if act is not None and asks:
            return Act(act.name, act.confidence, {**act.values, **found.values})
        kept = act.name if act is not None and act.name in ("objection", "step_failed") else _question_of(found.slug)
        return Act(kept, found.confidence, found.values)

    def _answer_or_choice(self, found: FoundPassage) -> dict[str, str]:
        """Returns the passage that answers a question, the next ones beside it if it is doubtful, or a choice."""
        if found.confidence >= self._settings["passage_alone"]:
            return found.values
        return {**found.values, **found.others} if found.confidence >= self._settings["passage_from"] else found.choice

    def _with_likely(self, act: Act | None, message: CustomerMessage, situation: Situation) -> Act | None:
        """Adds the likeliest passages of the topic at hand to "did all that, still declined"."""
        if act is None or act.name not in FAILED or not situation.topics or message.words < FEW_WORDS:
            return act
        found = self._passage(message, situation, situation.topics[0])
        return Act(act.name, act.confidence, {**act.values, **found.choice})

    def _passage(
        self, message: CustomerMessage, situation: Situation, shown: str | None, weight: float | None = None
    ) -> FoundPassage:
        """Returns the passage that answers a message best.

        Args:
            message: the message.
            situation: where it is said.
            shown: the issue whose steps the customer has seen and asks about; None if the message may ask nothing.
            weight: how many times that issue counts beside the others; None for the setting.
        """
        scores = self._finder.scores(message.text)
        find = partial(self._finder.find, scores, product=situation.product or None, given=situation.given)
        named, confidence = message.named
        about = [name for name, likely in message.issues.items() if likely >= self._settings["also_about"]]
        if shown is None:
            # Of an issue that it names clearly, else of those that came up, and of those that it may be about.
            clearly = named not in situation.topics and confidence >= SURE
            issues = [named] if clearly else dict.fromkeys([*situation.topics, *about])
            return max(map(find, issues), key=lambda one: one.confidence)
        weights = {
            **dict.fromkeys(about, self._settings["weight_of_likely"]),
            **dict.fromkeys(situation.topics, 1.0),
            shown: self._settings["weight_at_hand"] if weight is None else weight,
        }
        odds = {issue: weight * find(issue).odds for issue, weight in weights.items()}
        return find(
            max(odds, key=lambda issue: odds[issue]),
            kinds={name.removeprefix("ask_"): message.acts[name] for name in QUESTIONS},
        )


def _question_of(slug: str) -> str:
    """Returns the act that asks for a passage."""
    kind = passage_kind(slug)
    return "not_there" if kind == "not_there" else f"ask_{kind}" if kind else "more_detail"


def _may_ask(act: Act | None, message: CustomerMessage, issues: Iterable[str]) -> bool:
    """Tells whether a message that no act makes a question may be one all the same."""
    if act is None:
        return message.intent in (*issues, "out_of_scope", "nlu_fallback")
    if act.name in NOT_ASKING and "?" not in message.text and act.confidence >= LIKELY:
        return False
    return act.name in _MAY_ASK and message.words > FEW_WORDS
