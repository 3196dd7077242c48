"""Normalises a text to what a person sees (lower case, no accents, plain digits), with positions in the original."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Hangul fillers: letters that show nothing; U+3164 and U+FFA0 are compatibility forms of them.
_BLANK_LETTERS = frozenset("\u115f\u1160")
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
_LONGEST_FORM = 2
# Stands for what is done with: a letter that no reading contains, for it reads as `a`.
_BLANK = "ª"


@dataclass(frozen=True)
class Reading:
    """A text in plain characters.

    Args:
        text: lower case, without accents and unseen characters; digits of every script are 0 to 9.
        starts: where each character of `text` comes from in the original; at the end, the original's length.
    """

    text: str
    starts: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the part of the original that a part of `text` was read from, with what is unseen behind it."""
        return self.starts[start], max(self.starts[end], self.starts[end - 1] + 1)


def read(text: str) -> Reading:
    """Returns a text as a person sees it.

    Args:
        text: any text; full-width, circled, Arabic or superscript digits, ligatures and invisible characters included.
    """
    if text.isascii():
        return Reading(text.lower(), range(len(text) + 1))
    forms = [_plain_form(char) for char in text]
    starts = [position for position, form in enumerate(forms) for _ in form]
    return Reading("".join(forms), [*starts, len(text)])


def blank(seen: str, *patterns: re.Pattern[str]) -> str:
    """Returns a reading's text, as long as before, with what patterns find in it made unreadable."""
    for pattern in patterns:
        seen = pattern.sub(lambda match: _BLANK * len(match.group()), seen)
    return seen


def blank_spans(seen: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Returns a reading's text, as long as before, with parts of it made unreadable, each from a start to an end."""
    for start, end, _ in spans:
        seen = seen[:start] + _BLANK * (end - start) + seen[end:]
    return seen


@lru_cache(maxsize=4096)
def _plain_form(char: str) -> str:
    """Returns the plain characters that stand for a character: none where it is not seen."""
    if char.isascii():
        return char.lower()
    if char.isspace() or char in _BLANK_LETTERS:
        return " "
    value = unicodedata.numeric(char, -1)
    if value in range(10):
        return str(int(value))
    category = unicodedata.category(char)
    if category in _UNSEEN:
        return ""
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    parts = unicodedata.normalize("NFKD", char.casefold())
    seen = [" " if part in _BLANK_LETTERS else part for part in parts if unicodedata.category(part) not in _UNSEEN]
    # Longer ones are whole phrases (U+FDFA), fractions and the like, of which no number is made.
    return "".join(seen) if len(seen) <= _LONGEST_FORM else char
