"""How people write in a language (letters, clauses, moods, urgency): `data/triage/<language>.yml`, compiled."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, Extra, StrictStr, ValidationError

from bot.nlu.models.entity_words import fold
from bot.text.yaml_files import read_yaml

Phrases = tuple[StrictStr, ...]

_APOSTROPHES = "’‘´`"
_BETWEEN = r"[^\w.!?]+"
_GAP = rf"(?:{_BETWEEN}\w+){{0,4}}?{_BETWEEN}"
_PARTS = re.compile(r"( \.\. | |[*#()|]|(?<=\))\?)")
_BRACKETS = re.compile(r"\([^()]*\)")
_WORD_OF_PHRASE = re.compile(r"(?:\([^()]*\)\??|[^() ])+")


class TriageWordsError(ValueError):
    """The word lists cannot be used; the message says where, what is wrong and how to mend it."""


class _Section(BaseModel):
    class Config:
        frozen = True
        extra = Extra.forbid


class SentimentWords(_Section):
    """What people say when they are pleased or not."""

    strong_positive: Phrases = ()
    positive: Phrases = ()
    negative: Phrases = ()
    strong_negative: Phrases = ()
    negations: Phrases = ()
    intensifiers: Phrases = ()


class TriageWords(_Section):
    """The word lists of one language; docs/triage-nlu.md explains each field and how a phrase is written."""

    greetings: Phrases = ()
    closings: Phrases = ()
    postscripts: Phrases = ()
    quotes: Phrases = ()
    devices: Phrases = ()
    clauses: Phrases = ()
    abbreviations: Phrases = ()
    polite: Phrases = ()
    sentiment: SentimentWords = SentimentWords()
    signals: dict[StrictStr, Phrases] = {}


@lru_cache(maxsize=64)  # each sentence of a message is looked at from several sides
def folded(text: str) -> str:
    """Returns the text as phrases are compared with it: folded, with plain apostrophes, as long as before."""
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return fold(text)


def phrase_pattern(phrases: Phrases) -> str:
    """Returns the regular expression, for folded text, that finds any of the phrases as whole words.

    Args:
        phrases: words; `*` stands for any letters, `#` for a number, ` .. ` for up to four words, `(a|b)` for either.
    """
    return rf"(?<!\w)(?:{'|'.join(map(_expression, phrases))})(?!\w)" if phrases else r"(?!)"


def _expression(phrase: str) -> str:
    special = {" .. ": _GAP, " ": _BETWEEN, "*": r"\w*", "#": r"\d+", "(": "(?:", ")": ")", "|": "|", "?": "?"}
    return "".join(special.get(part, re.escape(part)) for part in _PARTS.split(folded(phrase)))


@lru_cache(maxsize=64)
def load_triage_words(folder: Path, language: str) -> TriageWords:
    """Reads the word lists of a language; those of a language without a file are empty.

    Args:
        folder: the data folder, which holds `triage/<language>.yml`.
        language: ISO 639-1 code.

    Raises:
        TriageWordsError: the file is not YAML, a field does not fit or a phrase is not well-formed.
    """
    path = folder / "triage" / f"{language}.yml"
    if not path.exists():
        return TriageWords()
    try:
        words = TriageWords.parse_obj(read_yaml(path, TriageWordsError) or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise TriageWordsError(f"{path}: field {field}: {first['msg']}; mend it.") from error
    for phrase in _all_phrases(words):
        try:
            re.compile(_expression(phrase))
        except re.error as error:
            raise TriageWordsError(f"{path}: {phrase!r} is not well-formed ({error}); close its brackets.") from error
    return words


def _all_phrases(words: TriageWords) -> list[str]:
    lists = [value for section in (words, words.sentiment) for _, value in section if isinstance(value, tuple)]
    return [phrase for phrases in (*lists, *words.signals.values()) for phrase in phrases]
