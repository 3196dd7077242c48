"""Builds the regular expressions of the search for cards and security codes from all languages' word lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from bot.text.lexicon import load_lexicon
from bot.text.reading import read

GAP = r"[\W_]*"
_LETTER = r"[^\W\d_]"
_LONGEST_ENDING = 16
_LONGEST_ABBREVIATION = 4
# Three or four digits: apart in any way where no others follow, otherwise together or one by one.
_CODE = rf"(?:[0-9](?:{GAP}[0-9]){{2,3}}(?!{GAP}[0-9])|[0-9]{{3,4}}(?![0-9])|[0-9](?:[\W_]+[0-9]){{2,3}}(?![0-9]))"
_CASE_NUMBER = r"2[0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{10}"
_EXPIRY = r"(?:0?[1-9]|1[0-2])[\W_]{1,3}(?:20)?[2-4][0-9](?![0-9])"
# 1227 may be an expiry date or a code itself: both are hidden.
_EXPIRY_OR_CODE = rf"(?:0[1-9]|1[0-2])[2-4][0-9]{GAP}"


class Patterns:
    """Word-dependent patterns of the search for numbers; all are applied to a `Reading`.

    Args:
        folder: holds a file `<lang>.yml` of word lists for each language.

    Raises:
        LexiconError: the word lists cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        words = [lexicon.masking for lexicon in load_lexicon(folder).values()]
        names = _one_of((name for section in words for name in section.security_code), abbreviations=True)
        equals = _one_of(word for section in words for word in section.equals)
        links = _one_of(word for section in words for word in (*section.equals, *section.between))
        code = _one_of(word for section in words for word in section.code)
        then = _one_of(word for section in words for word in section.then)
        reference = _one_of(word for section in words for word in section.reference)
        # Digits with anything but letters between them, or a word such as `then`.
        self.digit_run = re.compile(rf"[0-9](?:{GAP}(?:{then}{GAP})?[0-9])*")
        # Ends with what an invoice or the like is called.
        self.reference_before = re.compile(rf"{reference}[^0-9]{{0,12}}$")
        # A number that such a word is glued to, such as `INV-123`.
        self.reference_code = re.compile(rf"{reference}[-_#]?[0-9]+(?:[-_/][0-9]+)*")
        # Such a word and 16 digits that begin with a date, as those of support requests do.
        self.case_number = re.compile(rf"{reference}{GAP}(?:{_LETTER}{{1,3}}{GAP})?{_CASE_NUMBER}(?![0-9])")
        # `the CVV for my card is 123`; here and below the group `code` is the security code. The lookahead with its
        # backreference takes the words in one way only: no way back, no explosion.
        self.code_after_name = re.compile(
            rf"{names}(?=(?P<links>(?:{GAP}{links}){{0,8}}))(?P=links){GAP}(?:{_EXPIRY}{GAP})?(?P<code>{_CODE})"
        )
        # `123 is my CVV`.
        self.code_before_name = re.compile(
            rf"(?<![0-9])(?P<code>{_CODE})(?:{GAP}{equals}(?:{GAP}{links}){{0,4}}?| ?[(=]){GAP}{names}"
        )
        # What follows a card number, up to its security code.
        self.code_beside_card = re.compile(
            rf"(?:[^0-9]{{0,60}}{_EXPIRY})?{GAP}(?:{code}{GAP})?(?P<code>(?:{_EXPIRY_OR_CODE})?{_CODE})"
        )


load_patterns = lru_cache(maxsize=4)(Patterns)
"""Returns the patterns made from a folder's word lists; made once."""


def _one_of(words: Iterable[str], abbreviations: bool = False) -> str:
    """Returns the pattern of any of the words; longer ones are tried first.

    Args:
        words: as they stand in the lexicon.
        abbreviations: whether a short word may be written with full stops or blanks (`C.V.V.`).
    """
    inside: list[str] = []
    at_start: list[str] = []
    for word in sorted(set(words), key=lambda word: (-len(word.strip("*")), word)):
        parts = [_word_pattern(part, abbreviations and " " not in word) for part in word.split()]
        (inside if word.startswith("*") else at_start).append(r"[\W_]{0,3}".join(parts))
    pattern = rf"(?<!{_LETTER})(?:{'|'.join(at_start)})" if at_start else r"(?!)"
    return f"(?:{'|'.join([*inside, pattern])})(?!{_LETTER})"


def _word_pattern(word: str, abbreviation: bool) -> str:
    parts = re.findall(r"[^\W_]+", read(word).text)
    if abbreviation and len(parts) == 1 and len(parts[0]) <= _LONGEST_ABBREVIATION:
        parts = list(parts[0])
    pattern = r"[\W_]{0,3}".join(parts)
    if word.endswith("*"):
        return rf"{pattern}{_LETTER}{{0,{_LONGEST_ENDING}}}"
    # In CVV2123 the 2 belongs to the number that follows.
    return pattern + (r"(?![0-9]{3}(?![0-9]))" if parts[-1].isdigit() else "")
