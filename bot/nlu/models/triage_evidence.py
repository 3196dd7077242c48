"""Cuts a message into parts to be classified; finds pairs of issues in the results, and issues to choose from.

It classifies nothing itself: `bot/nlu/triage.py` asks the intent classifier, and decides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bot.nlu.models.sentences import clauses, own_words, telling

MOST_CUTS = 12
"""A message with more places to cut is cut between its sentences only."""

MOST_SENTENCES = 10
"""Number of sentences that are told apart, from the message's beginning and its end: what is between them counts as
one. The longest held-out messages have as many."""

MOST_CUTS_JUDGED = 20
"""Number of cuts that are judged, each by what is before and after it; the longest held-out messages have 19. Of cuts
inside sentences the first and the last ones are judged."""

LONG_MESSAGE = 700
"""Characters from which on a message is not cut, as each side of each cut would be classified, all of it. The longest
held-out messages have 660."""

PAIR_FEATURES = ("sides", "crossed", "whole")
"""By what a pair of issues is judged, each the sum of two log confidences: of the first issue before the cut and the
second after it; of the second before it and the first after it; of both in the whole message."""

OUT_OF_SCOPE = "out_of_scope"

MOST_CANDIDATES = 3
"""Number of issues that the customer may choose from."""

_FLOOR = 1e-5
"""Smallest confidence of which a logarithm is taken."""

Confidences = Mapping[str, float]
"""Intent -> confidence; all together 1."""
Scores = Mapping[tuple[str, str], Confidences]
"""Language and text -> confidences of the intents."""


_Cut = tuple[list[tuple[int, str]], int]
"""Clauses, each with the number of its sentence, and the place among them where they are cut."""


@dataclass(frozen=True)
class Parts:
    """The texts of one message that are classified."""

    whole: str
    """The message without greeting, politeness, signature and quoted mail."""
    sentences: tuple[str, ...]
    cuts: tuple[tuple[str, str], ...]
    """Texts before and after each place where a second matter may begin."""
    own_words: tuple[str, ...] = ()
    """The message's sentences without signature and quoted mail, but with greeting and politeness."""
    language: str = ""

    @property
    def texts(self) -> list[str]:
        """Every text that must be classified, each once; none where the message is not cut."""
        return list(dict.fromkeys((self.whole, *chain(*self.cuts)))) if self.cuts else []


@dataclass(frozen=True)
class Pair:
    """Two issues that one message may name."""

    first: str
    """The one that is named first."""
    second: str
    features: tuple[float, ...]
    """Features in the order of PAIR_FEATURES."""

    def confidence(self, weights: Sequence[float], bias: float) -> float:
        """Returns how probable it is that both are meant, 0-1 (logistic regression)."""
        score = bias + sum(weight * feature for weight, feature in zip(weights, self.features, strict=True))
        return 1.0 / (1.0 + math.exp(-score))


def parts_of(text: str, language: str, folder: Path) -> Parts:
    """Splits a message.

    Args:
        text: the message as typed.
        language: its language, ISO 639-1.
        folder: the data folder with the word lists.
    """
    own = own_words(text, language, folder)
    found = _with_middle_as_one(telling(own, language, folder) or [text.strip()])
    whole = " ".join(found)
    units = [(number, clause) for number, part in enumerate(found) for clause in clauses(part, language, folder)]
    places: Sequence[int] = range(1, len(units))
    if len(whole) > LONG_MESSAGE:
        places = []
    elif len(places) > MOST_CUTS:
        places = [place for place in places if units[place][0] != units[place - 1][0]]
    cuts = [(units, place) for place in places]
    if places and len(found) > 1:  # both sides of a sentence may also stand alone, however much is said around it
        sentences = [[unit for unit in units if unit[0] == number] for number in range(len(found))]
        inside = [(sentence, place) for sentence in sentences for place in range(1, len(sentence))]
        cuts += _first_and_last(inside, MOST_CUTS_JUDGED - len(cuts))
    sides = dict.fromkeys((_joined(around[:place]), _joined(around[place:])) for around, place in cuts)
    return Parts(whole, tuple(found), tuple(sides), tuple(own), language)


def _joined(units: Sequence[tuple[int, str]]) -> str:
    return " ".join(text for _, text in units)


def _with_middle_as_one(found: list[str]) -> list[str]:
    """Returns at most MOST_SENTENCES sentences: what people need is mostly in the first ones or in the last ones."""
    if len(found) <= MOST_SENTENCES:
        return found
    first, last = (MOST_SENTENCES - 1) // 2, MOST_SENTENCES // 2
    return [*found[:first], " ".join(found[first:-last]), *found[-last:]]


def _first_and_last(items: list[_Cut], most: int) -> list[_Cut]:
    """Returns at most so many of some items, half of them from each end."""
    return items if len(items) <= most else [*items[: most // 2], *items[len(items) - (most - most // 2) :]]


def issue_pairs(parts: Parts, scores: Scores, issues: Collection[str]) -> list[Pair]:
    """Returns the pairs of issues that a message may name: one for each cut whose sides differ in their best issue.

    Args:
        parts: the message in parts.
        scores: the confidences of its texts.
        issues: the issue intents.
    """

    def logs(text: str) -> dict[str, float]:
        found = scores[parts.language, text].items()
        return {intent: math.log(confidence + _FLOOR) for intent, confidence in found if intent in issues}

    pairs, whole = [], logs(parts.whole) if parts.cuts else {}
    for before, after in parts.cuts if whole else ():
        left, right = logs(before), logs(after)
        first, second = max(left, key=left.__getitem__), max(right, key=right.__getitem__)
        if first != second:
            features = (left[first] + right[second], left[second] + right[first], whole[first] + whole[second])
            pairs.append(Pair(first, second, features))
    return pairs


def with_pair(confidences: Confidences, pair: Pair, confidence: float) -> dict[str, float]:
    """Returns the confidences of a message that names two issues of which neither came out best.

    Args:
        confidences: those of the whole message.
        pair: its two issues; the first one comes out best.
        confidence: of the pair, 0-1.
    """
    named = {pair.first: 0.6, pair.second: 0.4}
    mixed = {
        name: (1 - confidence) * confidences.get(name, 0.0) + confidence * named.get(name, 0.0)
        for name in {**confidences, **named}
    }
    total = sum(mixed.values())
    return {name: mixed[name] / total for name in sorted(mixed, key=mixed.__getitem__, reverse=True)}


def candidates_of(
    confidences: Confidences, issues: Collection[str], answer_from: float, offer_from: float
) -> list[str]:
    """Returns two or three issues that the customer chooses from, where none is sure enough to be answered; else none.

    Args:
        confidences: intent -> confidence, best first.
        issues: the issue intents.
        answer_from: from this confidence on the best one is answered at once.
        offer_from: from this confidence on issues are offered, even if the message may well be out of scope.
    """
    best = next(iter(confidences))
    ranked = [intent for intent in confidences if intent in issues][:MOST_CANDIDATES]
    if len(ranked) < 2 or (best not in issues and best != OUT_OF_SCOPE):
        return []
    sure = best in issues and confidences[best] >= answer_from
    return [] if sure or confidences[ranked[0]] < offer_from else ranked
