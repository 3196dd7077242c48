"""Rates the mood of a message, and names what makes it urgent, by word lists of its language."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import NormalDist

from bot.nlu.models.triage_words import SentimentWords, compiled, load_triage_words, phrase_pattern
from bot.text.characters import fold_with_apostrophes

LABELS = ("very_negative", "negative", "neutral", "positive", "very_positive")
BOUNDS = (-2.2, -0.7, 0.7, 2.1)
"""Scores at which one label ends and the next begins. One plain word of feeling is enough for its label; it takes a
strong one with emphasis, or several, for the outer ones."""

WEIGHTS = {"strong_negative": -1.6, "negative": -1.0, "positive": 1.0, "strong_positive": 1.6}
SIGNAL_WEIGHTS = {"frustration": -1.0, "failed_attempts": -0.6, "legal": -0.8, "service_down": -0.4}
INTENSIFIED = 1.4
"""Factor of a word that an intensifier stands before (VADER, Hutto and Gilbert 2014, has 1.3 to 1.4)."""
NEGATED = {True: -0.8, False: -0.3}
"""Factor of a negated word: "not happy" is nearly "unhappy" (True), but "not bad" is far from "good" (False)."""
EMPHASIS = 0.5
"""Amounts that repeated exclamation marks, and a text in capitals, add to the side on which the score is."""
NEGATION_REACH = 3
"""Words between a negation and the word that it turns round."""
LETTERS_BEFORE = 100
"""Characters before a word of feeling that are looked at for negations and intensifiers: more than three words have."""
MOST_FEELINGS = 40
"""Words of feeling that are counted, the first ones: two or three make the outer labels."""
DOUBT = 0.8
"""Standard deviation of the score, by which confidences are given; docs/how-it-works.md says what they stand for."""

_ORDER = ("strong_positive", "strong_negative", "positive", "negative")
_NORMAL = NormalDist()
_WORD = re.compile(r"[\w']+")
_EXCLAIMED = re.compile(r"!\s*!|[?!]\s*!|!\s*\?|\?\s*\?\s*\?")
_SENTENCE_END = re.compile(r"[.!?\n;]")


@dataclass(frozen=True)
class Sentiment:
    """Sentiment of a message."""

    label: str
    """One of LABELS."""
    confidence: float
    """Distance of the score from the label's bounds, as a probability, 0-1."""
    score: float
    """Sum of the weights found; negative is displeased."""


def read_mood(text: str, language: str, folder: Path) -> tuple[Sentiment, list[str]]:
    """Returns how pleased the customer sounds, and what makes the message urgent.

    Args:
        text: the message, best without signature and quoted mail.
        language: its language, ISO 639-1.
        folder: the data folder with the word lists.

    Returns:
        The sentiment, and any of service_down, death, harm, deadline, failed_attempts, frustration, worry, legal.
    """
    words, plain = load_triage_words(folder, language), fold_with_apostrophes(text)
    signals = [name for name, phrases in words.signals.items() if compiled(phrases).search(plain)]
    score = sum(SIGNAL_WEIGHTS.get(name, 0.0) for name in signals)
    for match in islice(_feelings(folder, language).finditer(plain), MOST_FEELINGS):
        weight = WEIGHTS.get(match.lastgroup or "", 0.0)
        score += weight * _factor(plain[: match.start()], weight, words.sentiment) if weight else 0.0
    if score:
        score += math.copysign(EMPHASIS * _emphasis(text, score), score)
    index = bisect_left(BOUNDS, score)
    lower, upper = (_NORMAL.cdf((edge - score) / DOUBT) for edge in (-math.inf, *BOUNDS, math.inf)[index : index + 2])
    return Sentiment(LABELS[index], upper - lower, score), signals


def _factor(before: str, weight: float, listed: SentimentWords) -> float:
    """Returns by what the words before a word of feeling multiply its weight."""
    before = before[-LETTERS_BEFORE:]
    sentence = before[max((end.end() for end in _SENTENCE_END.finditer(before)), default=0) :]
    words = list(_WORD.finditer(sentence))
    near = sentence[words[-NEGATION_REACH].start() :] if len(words) >= NEGATION_REACH else sentence
    factor = INTENSIFIED if words and compiled(listed.intensifiers).search(sentence[words[-1].start() :]) else 1.0
    if compiled(listed.negations).search(near):
        factor *= NEGATED[weight > 0]
    return factor


def _emphasis(text: str, score: float) -> int:
    """Counts what emphasises a text: exclamation marks, and, where it is displeased, capitals."""
    letters = [char for char in text if char.isalpha()]
    shouted = len(letters) >= 12 and sum(char.isupper() for char in letters) > 0.6 * len(letters)
    return bool(_EXCLAIMED.search(text)) + (shouted and score < 0)


@lru_cache(maxsize=64)
def _feelings(folder: Path, language: str) -> re.Pattern[str]:
    """Returns the expression of a word of feeling; the group that matches is named as its list."""
    words = load_triage_words(folder, language)
    # Polite words first: "thanks in advance" is no praise. Then the strong ones, which may contain weak ones.
    groups = {"polite": words.polite, **{name: getattr(words.sentiment, name) for name in _ORDER}}
    symbols = {name: [phrase for phrase in phrases if not _WORD.search(phrase)] for name, phrases in groups.items()}
    found = (
        f"(?P<{name}>{phrase_pattern(phrases)}|{'|'.join(map(re.escape, symbols[name])) or '(?!)'})"
        for name, phrases in groups.items()
    )
    return re.compile("|".join(found))
