"""Pairs customers' phrases on one situation across languages; picks article segments like phrases, to train on more."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bot.articles.examples import Example
from bot.encoder.features import words_of


def segments_like(
    phrases: Sequence[Example], segments: Sequence[Mapping[str, str]], at_most: int
) -> list[Mapping[str, str]]:
    """Returns the segments whose words are most like those of customers, so that they can be trained on more often.

    The difference of the two unigram cross-entropies, as in Moore & Lewis 2010 (aclanthology.org/P10-2041), mean over
    the languages that have phrases; a segment's texts in other languages come along.

    Args:
        phrases: what customers say, in some of the languages.
        segments: parallel texts of articles, by language.
        at_most: number of segments to return.
    """
    ratios: list[list[float]] = [[] for _ in segments]
    for language in {phrase.language for phrase in phrases}:
        typed = Counter(word for phrase in phrases if phrase.language == language for word in words_of(phrase.text))
        words = [words_of(segment.get(language, "")) for segment in segments]
        written = Counter(word for row in words for word in row)
        known = len(typed.keys() | written.keys())
        shift = math.log(sum(written.values()) + known) - math.log(sum(typed.values()) + known)
        for row, found in zip(ratios, words, strict=True):
            if found:
                likeness = [math.log(typed[word] + 1) - math.log(written[word] + 1) for word in found]
                row.append(sum(likeness) / len(likeness) + shift)
    scores = {number: sum(row) / len(row) for number, row in enumerate(ratios) if row}
    return [segments[number] for number in sorted(scores, key=lambda number: -scores[number])[:at_most]]


def parallel_phrases(phrases: Sequence[Example]) -> list[dict[str, str]]:
    """Returns the phrases of each situation that is described in two or more languages, by language."""
    by_situation: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for phrase in phrases:
        if phrase.situation:
            by_situation[phrase.intent, phrase.situation].setdefault(phrase.language, phrase.text)
    return [texts for texts in by_situation.values() if len(texts) > 1]
