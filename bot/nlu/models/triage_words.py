"""Reads a language's word lists for triage, `data/triage/<language>.yml`, and makes regular expressions of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path

from pydantic import StrictStr, validator

from bot.text.characters import fold_with_apostrophes
from bot.text.lexicon import WordLists, read_words

Phrases = tuple[StrictStr, ...]

_BETWEEN = r"[^\w.!?]+"
_GAP = rf"(?:{_BETWEEN}\w+){{0,4}}?{_BETWEEN}"
_PARTS = re.compile(r"( \.\. | |[*#()|]|(?<=\))\?)")


class _Phrases(WordLists):
    @validator("*")
    @classmethod
    def _is_well_formed(cls, value: object) -> object:
        lists = value.values() if isinstance(value, Mapping) else [value] if isinstance(value, tuple) else []
        for phrase in chain(*lists):
            try:
                re.compile(_expression(phrase))
            except re.error as error:
                raise ValueError(f"{phrase!r} is not well-formed ({error}); close its brackets") from error
        return value


class SentimentWords(_Phrases):
    """Words of people who are pleased or not."""

    strong_positive: Phrases = ()
    positive: Phrases = ()
    negative: Phrases = ()
    strong_negative: Phrases = ()
    negations: Phrases = ()
    intensifiers: Phrases = ()


class TriageWords(_Phrases):
    """The word lists of one language; docs/adding-a-language.md explains each field and how a phrase is written."""

    greetings: Phrases = ()
    closings: Phrases = ()
    postscripts: Phrases = ()
    quotes: Phrases = ()
    devices: Phrases = ()
    clauses: Phrases = ()
    abbreviations: Phrases = ()
    polite: Phrases = ()
    sentiment: SentimentWords = SentimentWords()
    signals: Mapping[StrictStr, Phrases] = {}


def phrase_pattern(phrases: Phrases) -> str:
    """Returns the regular expression, for folded text, that finds any of the phrases as whole words.

    Args:
        phrases: words; `*` stands for any letters, `#` for a number, ` .. ` for up to four words, `(a|b)` for either.
    """
    return rf"(?<!\w)(?:{'|'.join(map(_expression, phrases))})(?!\w)" if phrases else r"(?!)"


@lru_cache(maxsize=1024)
def compiled(phrases: Phrases, before: str = "") -> re.Pattern[str]:
    """Returns the expression of `phrase_pattern` compiled, after another one."""
    return re.compile(before + phrase_pattern(phrases))


def _expression(phrase: str) -> str:
    special = {" .. ": _GAP, " ": _BETWEEN, "*": r"\w*", "#": r"\d+", "(": "(?:", ")": ")", "|": "|", "?": "?"}
    return "".join(special.get(part, re.escape(part)) for part in _PARTS.split(fold_with_apostrophes(phrase)))


@lru_cache(maxsize=64)
def load_triage_words(folder: Path, language: str) -> TriageWords:
    """Reads the word lists of a language; those of a language without a file are empty.

    Args:
        folder: the data folder, which holds `triage/<language>.yml`.
        language: ISO 639-1 code.

    Raises:
        LexiconError: the file is not YAML, a field does not fit or a phrase is not well-formed.
    """
    path = folder / "triage" / f"{language}.yml"
    return read_words(path, TriageWords) if path.exists() else TriageWords()
