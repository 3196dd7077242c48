"""Computes how likely a message asks for each passage, for each issue's steps, or for none of these.

`passage_finder` hands it the scores of the text; with fixed weights it adds the evidence of the conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.articles.issues import load_issues
from bot.articles.parts import PRODUCTS, passage_kind, section_product
from bot.encoder.sentences import Floats
from bot.nlu.models.linear import softmax
from bot.nlu.models.passage_counts import PassageCounts

WEIGHTS: Mapping[str, float] = {
    # Of a passage: log probability among those of its article; cosine to the words of its questions; cosines of the
    # whole message and of its question to their mean encoding; log probability of its kind of question (more for a
    # short one on the article at hand, which names nothing: "who can do that?"); log probability of its issue;
    # logarithm of how often it was asked for in played conversations (not at all up to `_BARE` words, in full from
    # twice as many), and of how much more often than on the whole its article was after such an answer, and the passage
    # with this product; cosine of its mean encoding to that of a passage that was shown; whether its article is at hand
    # (more for a short question), or of an earlier topic.
    "within": 0.55,
    "similar": 8.92,
    "meaning": 6.67,
    "question": 3.17,
    "kind": 0.16,
    "kind_short": 2.53,
    "passage_issue": 0.23,
    "asked": 0.33,
    "after": 0.63,
    "with_product": 0.56,
    "like_given": 1.02,
    "at_hand": 1.16,
    "at_hand_short": 12.23,
    "earlier": 1.47,
    # Of an issue's steps: a constant; cosines as of a passage; log probability of the issue; log odds that steps are
    # wanted; whether the issue is of an earlier topic, or of a passage that was shown.
    "steps": 2.2,
    "steps_similar": 3.27,
    "steps_meaning": 6.04,
    "steps_question": 3.68,
    "steps_issue": 0.72,
    "steps_wanted": 0.5,
    "steps_earlier": 1.26,
    # Of what is outside: a constant.
    "outside": 4.64,
}
"""Weights of a conditional logit (McFadden 1974): the means of two fits. One of 2026-11-29, to 5,544 turns of
conversations, 1,800 questions of writers, half of them short, 359 short follow-ups that name nothing, and 648 plain
wishes for steps; one of 2026-11-30, to 18,080 turns (`data/turns.tsv`) in three parts, of which the models had learned
the other two. What says that a short question is about the article at hand is of the first fit alone, and the constants
of steps and of what is outside are higher, so that as many plain wishes get their steps as before."""

_LONG = 8
"""Number of words from which a question mostly says itself what it is about."""
_BARE = 4
"""Number of words up to which a question names nothing, so that how often a passage is asked for does not count; it
counts in full from twice as many."""
_NAMED = 0.5
"""Probability from which a message names an issue."""
# What is added to a probability before its logarithm is taken, so that nothing is ruled out by one piece of evidence.
_LITTLE_ISSUE, _LITTLE_KIND = 0.01, 0.1


@dataclass(frozen=True)
class Evidence:
    """Evidence of what a message asks for, beside its text: rankings, and where in the conversation it is said.

    Args:
        ranking: probability of each intent.
        acts: probability of each act, if the message is said after an answer.
        topics: the issues that came up so far: first the one whose article the customer has before her.
        described: issues described for a ticket, of which no steps were shown; where there is no topic, the first of
            them is at hand.
        product: the customer's, None where it is not known: passages for other products do not count.
        given: what was shown, passages as `issue/slug` and an issue's steps as `issue/`; it is not found again.
        rejected: issues that it is not about, as the customer has said.
    """

    ranking: Mapping[str, float]
    acts: Mapping[str, float]
    topics: Sequence[str]
    product: str | None = None
    described: Sequence[str] = ()
    given: Collection[str] = ()
    rejected: Collection[str] = ()

    @property
    def at_hand(self) -> str:
        """The issue whose article is at hand, empty if there is none."""
        return next(iter(self.topics or self.described), "")


class PassageLabels:
    """The labels `issue/slug` of passages and `issue/` of steps, all of an issue together, and how likely each is.

    Args:
        labels: the labels.
        counts: how often each was asked for.
    """

    rows: Mapping[str, int]
    """Label -> its place."""

    def __init__(self, labels: Sequence[str], counts: PassageCounts) -> None:
        named = [label.partition("/")[::2] for label in labels]
        self._issues = tuple(dict.fromkeys(issue for issue, _ in named))
        self._issue: NDArray[np.int64] = np.array([self._issues.index(issue) for issue, _ in named])
        self._starts = np.flatnonzero(np.diff(self._issue, prepend=-1))
        self._steps = np.array([not slug for _, slug in named])
        kinds = [passage_kind(slug) or "" for _, slug in named]
        self._kinds = tuple(dict.fromkeys(kinds))
        self._kind: NDArray[np.int64] = np.array([self._kinds.index(kind) for kind in kinds])
        self.rows = {label: row for row, label in enumerate(labels)}
        self._counts = counts
        self._product = np.array([section_product(slug) or "" for _, slug in named])
        self._only_product = np.array([_only_product(issue) or "" for issue, _ in named])

    def probabilities(
        self,
        scores: Floats,
        similar: Floats,
        meanings: Floats,
        like_given: Floats,
        wants_steps: float,
        words: int,
        evidence: Evidence,
    ) -> Floats:
        """Returns how likely a message asks for each, (labels + 1,); the last is that it asks for nothing of ours.

        Args:
            scores: of the message by the regression of each article, (labels,).
            similar: cosine to the words of each passage's questions, (labels,).
            meanings: cosines of the message, and of what it asks, to the mean encoding of these questions, (2, labels).
            like_given: highest cosine of its mean encoding to those of the passages that were shown, (labels,).
            wants_steps: log odds that the message wants steps.
            words: number of words of the message.
            evidence: what else is known of it.
        """
        highest = np.maximum.reduceat(scores, self._starts)[self._issue]
        within = scores - highest - np.log(np.add.reduceat(np.exp(scores - highest), self._starts)[self._issue])
        named = np.log([evidence.ranking.get(issue, 0.0) + _LITTLE_ISSUE for issue in self._issues])[self._issue]
        acts = {name.removeprefix("ask_"): probability for name, probability in evidence.acts.items()}
        at_hand = np.array([issue == evidence.at_hand for issue in self._issues])[self._issue]
        kind_weight = WEIGHTS["kind"] + WEIGHTS["kind_short"] * _shortness(words) * at_hand
        passages = (
            WEIGHTS["within"] * within
            + WEIGHTS["similar"] * similar
            + WEIGHTS["meaning"] * meanings[0]
            + WEIGHTS["question"] * meanings[1]
            + kind_weight * np.log([acts.get(kind, 0.0) + _LITTLE_KIND for kind in self._kinds])[self._kind]
            + WEIGHTS["passage_issue"] * named
            + WEIGHTS["asked"] * min(1.0, max(0.0, words / _BARE - 1.0)) * self._counts.asked
            + WEIGHTS["after"] * self._after(evidence)
            + WEIGHTS["with_product"] * self._with_product(evidence)
            + WEIGHTS["like_given"] * like_given
            + np.array([_place(issue, words, evidence) for issue in self._issues])[self._issue]
        )
        steps = (
            WEIGHTS["steps"]
            + WEIGHTS["steps_similar"] * similar
            + WEIGHTS["steps_meaning"] * meanings[0]
            + WEIGHTS["steps_question"] * meanings[1]
            + WEIGHTS["steps_issue"] * named
            + WEIGHTS["steps_wanted"] * wants_steps
            + WEIGHTS["steps_earlier"] * np.isin(self._issues, [*_came_up(evidence)])[self._issue]
        )
        found = np.append(np.where(self._steps, steps, passages), WEIGHTS["outside"])
        found[:-1][self._excluded(evidence)] = -np.inf
        return np.asarray(softmax(found[None].astype(np.float32))[0])

    def _after(self, evidence: Evidence) -> Floats:
        """Returns how much more often than on the whole each passage's article was asked for after such an answer."""
        if evidence.at_hand not in self._issues:
            return np.zeros(len(self._issue), np.float32)
        return np.asarray(self._counts.after[self._issues.index(evidence.at_hand)][self._issue])

    def _with_product(self, evidence: Evidence) -> Floats:
        """Returns how much more often than on the whole customers with this product asked for each passage."""
        if evidence.product not in PRODUCTS:
            return np.zeros(len(self._issue), np.float32)
        return np.asarray(self._counts.with_product[PRODUCTS.index(evidence.product)])

    def _excluded(self, evidence: Evidence) -> NDArray[np.bool_]:
        """Tells of each label whether it was shown before, was rejected, or is for another product than the customer's.

        An issue that is another product's alone counts all the same where the message names it.
        """
        rejected = np.array([issue in evidence.rejected for issue in self._issues])
        named = np.array([evidence.ranking.get(issue, 0.0) >= _NAMED for issue in self._issues])
        excluded: NDArray[np.bool_] = rejected[self._issue]
        if evidence.product:
            own = ("", evidence.product)
            excluded |= ~np.isin(self._product, own) | (~np.isin(self._only_product, own) & ~named[self._issue])
        excluded[[self.rows[label] for label in evidence.given if label in self.rows]] = True
        return excluded


def _only_product(issue: str) -> str | None:
    """Returns the product that an issue is about, None if there are several."""
    row = load_issues().get(issue)
    return row.products[0] if row and len(row.products) == 1 else None


def _place(issue: str, words: int, evidence: Evidence) -> float:
    if issue == evidence.at_hand:
        return WEIGHTS["at_hand"] + WEIGHTS["at_hand_short"] * _shortness(words)
    return WEIGHTS["earlier"] if issue in (*evidence.topics, *evidence.described) else 0.0


def _shortness(words: int) -> float:
    """Returns 1 for a message without words, 0 for one that mostly says itself what it is about."""
    return max(0, _LONG - words) / _LONG


def _came_up(evidence: Evidence) -> set[str]:
    """Returns the issues that were answered before, or a passage of whose articles was shown."""
    return {*evidence.topics, *(name.partition("/")[0] for name in evidence.given)}
