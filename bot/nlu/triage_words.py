"""How people write in a language (letters, clauses, moods, urgency): `data/triage/<language>.yml`, compiled."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, Extra, StrictStr, ValidationError

from bot.nlu.entity_words import fold
from bot.pieces import Signs
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


class PhraseSigns:
    """Tells which lists of phrases may have one in a text: most have none, and to look for them all takes a while.

    A phrase is there only if a word of it is, so one word of each is looked for.

    Args:
        lists: the lists of phrases.
        common: words that are in many texts, such as "not": others are looked for where a phrase has any.
    """

    def __init__(self, lists: Sequence[Phrases], common: Phrases = ()) -> None:
        everyday = frozenset(map(folded, common))
        self._lists = [(1 << number, re.compile(_signs_of(phrases, everyday))) for number, phrases in enumerate(lists)]
        self._signs = Signs(self._read)

    def of(self, text: str) -> int:
        """Returns the lists that may have a phrase in a text: 1 for the first one, 2, 4, .., added up."""
        return self._signs.of(text)

    def _read(self, piece: str) -> int:
        plain = folded(piece)
        return sum(bit for bit, pattern in self._lists if pattern.search(plain))


def _signs_of(phrases: Phrases, common: Collection[str]) -> str:
    words = [_sign_of(phrase, common) for phrase in phrases if re.search(r"\w", phrase)]
    marks = [re.escape(phrase) for phrase in phrases if not re.search(r"\w", phrase)]
    return "|".join([rf"(?<!\w)(?:{'|'.join(words) or '(?!)'})(?!\w)", *marks])


def _sign_of(phrase: str, common: Collection[str]) -> str:
    """Returns the expression of the longest word of a phrase that is always there, of the last one of these."""
    outside = _BRACKETS.sub("", phrase)
    words = [] if set(outside) & set("()|") else _WORD_OF_PHRASE.findall(phrase)
    certain = [_without_blanks(word) for word in words if word != ".." and not word.endswith(")?")]
    rare = [word for word in certain if folded(word) not in common]
    return max(map(_expression, reversed(rare or certain)), key=len, default=r"\w*")


def _without_blanks(word: str) -> str:
    """Returns a word of a phrase; of what may stand for it in brackets and has blanks, the longest word."""
    if " " not in word:
        return word
    before, _, rest = word.partition("(")
    inside, _, after = rest.rpartition(")")
    if before or after or "(" in inside:  # blanks make several words of it
        return "*"
    choices = (choice.replace(" .. ", " ").split() for choice in inside.split("|"))
    return f"({'|'.join(max(words, key=len, default='*') for words in choices)})"


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
