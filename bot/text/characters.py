"""Filters and folds the characters of typed text, and cuts words to their beginnings."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]{3,}")
_BEGINNING = 4
_BETWEEN_WORDS = re.compile(r"(?<=\w)(?: +| ?[-–] ?)(?=\w)")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘´`", "'"))
_DROPPED = frozenset({"Cn", "Co", "Cs"})
_UNSEEN = _DROPPED | {"Cc", "Cf", "Mn", "Me"}
# Letters that show nothing: Hangul fillers and the braille blank.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def readable(text: str) -> str:
    """Returns a text without the characters that files, databases and mail servers refuse.

    Dropped are noncharacters such as U+FFFE, halves of surrogate pairs, private characters and those that the Unicode
    version of this Python (13.0 in 3.10) has not assigned: letters of scripts added later, too. Emoji added later stay.
    Control characters other than tab and new line become blanks.
    """
    # True of nearly every text, and fast: no character is of a category that is looked at below.
    is_plain = text.replace("\n", "").replace("\t", "").isprintable()
    return text if is_plain else "".join(map(_readable, text))


def _readable(char: str) -> str:
    if char.isprintable() or char in "\n\t":
        return char
    category = unicodedata.category(char)
    if category == "Cc":
        return " "
    is_reserved_for_emoji = "\U0001f000" <= char <= "\U0001faff"
    return "" if category in _DROPPED and not is_reserved_for_emoji else char


def is_seen(char: str) -> bool:
    """Tells whether a character shows anything by itself."""
    return not char.isspace() and char not in _BLANK_LETTERS and unicodedata.category(char) not in _UNSEEN


@lru_cache(maxsize=4096)
def _without_diacritics(char: str) -> str:
    plain = {"ø": "o", "æ": "ae", "ß": "ss"}
    return "".join(plain.get(c, c) for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))


def fold_diacritics(text: str) -> str:
    """Returns the text without diacritics, as many type on a foreign keyboard (`för` -> `for`)."""
    return text if text.isascii() else "".join(map(_without_diacritics, text))


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    """Returns the one character that stands for a character."""
    if "\ud800" <= char <= "\udfff":
        return "?"  # half a character, which nothing behind can store
    if char.isspace():
        return "\n" if char in "\n\r\v\f\u2028\u2029" else " "
    return unicodedata.normalize("NFD", char.lower())[0].lower()


def fold(text: str) -> str:
    """Returns a text in lower case, without accents and with plain spaces: the form in which words are compared.

    It is as long as the text, so that offsets in one are offsets in the other.
    """
    return text.lower() if text.isascii() and text.isprintable() else "".join(map(_folded, text))


@lru_cache(maxsize=64)  # each sentence of a message is looked at from several sides
def fold_with_apostrophes(text: str) -> str:
    """Returns the folded text with plain apostrophes, as long as before."""
    return fold(text.translate(_APOSTROPHES))


def fold_name(text: str) -> str:
    """Returns the folded form of a name: between its words a hyphen counts as a space."""
    folded = fold(text)
    return folded if folded.isalnum() else _BETWEEN_WORDS.sub(" ", folded)


def word_beginnings(text: str) -> set[str]:
    """Returns the first four letters of each word of three letters or more, to compare words in spite of inflection."""
    return {word[:_BEGINNING] for word in _WORD.findall(fold_diacritics(text.lower()))}
