"""Hides payment card numbers, their security codes and bank account numbers (IBAN) in what people write.

All are searched in the text as a person sees it (`bot/text/reading.py`); the words are those of `data/lexicon`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.text.cards import FoundCard, find_cards
from bot.text.ibans import find_ibans
from bot.text.masking_patterns import Patterns, load_patterns
from bot.text.reading import blank, blank_spans, count_digits, read

HIDDEN = "••••"
_HIDDEN_CODE = "•••"
_SHORTEST_CODE, _SHORTEST_NUMBER = 3, 9

_ALREADY_HIDDEN = re.compile("•{3,}")
_GUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])|(?<![^\W_])(?=[0-9]*[a-f])[0-9a-f]{32,}"
)


@dataclass(frozen=True)
class Masked:
    """A text without what must not be kept.

    Args:
        text: the text, each number hidden but for its last four digits.
        cards: how many card numbers were hidden.
        codes: how many security codes were hidden.
        accounts: how many bank account numbers were hidden.
    """

    text: str
    cards: int = 0
    codes: int = 0
    accounts: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was hidden."""
        return bool(self.cards or self.codes or self.accounts)


@dataclass(frozen=True, order=True)
class _Span:
    start: int
    end: int
    replacement: str


def mask(text: str, lexicon: Path | None = None) -> Masked:
    """Hides card numbers (13 to 19 digits, Luhn), security codes beside them or named, and IBANs (checksum).

    Anything but letters may stand between the digits. GUIDs, and numbers that an invoice's name is glued to, stay as
    they are. Numbers of no known issuer are hidden where they stand alone and are not called an invoice or the like.

    Args:
        text: what a customer has written.
        lexicon: the folder of word lists; None takes that of the settings.

    Returns:
        The text with the last four digits of each number left, and how much was hidden.

    Raises:
        LexiconError: the word lists cannot be used.
    """
    reading = read(text)
    seen = reading.text
    if count_digits(seen) < _SHORTEST_CODE:
        return Masked(text)
    patterns = load_patterns(lexicon)
    seen = blank(seen, _ALREADY_HIDDEN, _GUID)
    accounts: list[_Span] = []
    cards: list[_Span] = []
    if count_digits(seen) >= _SHORTEST_NUMBER:
        accounts = [_Span(start, end, iban[:2] + HIDDEN + iban[-4:]) for start, end, iban in find_ibans(seen)]
        seen = _without(seen, accounts)
        cards = [_hidden_card(seen, card) for card in find_cards(seen, patterns)]
        seen = _without(seen, cards)
    codes = [_Span(start, end, _HIDDEN_CODE) for start, end in _codes(seen, cards, patterns)]
    for span in sorted([*accounts, *cards, *codes], reverse=True):
        start, end = reading.span(span.start, span.end)
        text = text[:start] + span.replacement + text[end:]
    return Masked(text, len(cards), len(codes), len(accounts))


def _without(seen: str, spans: Iterable[_Span]) -> str:
    return blank_spans(seen, ((span.start, span.end) for span in spans))


def _hidden_card(seen: str, card: FoundCard) -> _Span:
    """Hides all but the last four digits; all, where it is not certain which digits belong to the number."""
    digits = "".join(filter(str.isdigit, seen[card.start : card.end]))
    return _Span(card.start, card.end, HIDDEN + (digits[-4:] if card.certain else ""))


def _codes(seen: str, cards: Iterable[_Span], patterns: Patterns) -> Iterator[tuple[int, int]]:
    """Yields where security codes stand: those that are named, and those beside a card number."""
    named = [*patterns.code_after_name.finditer(seen), *patterns.code_before_name.finditer(seen)]
    beside = (patterns.code_beside_card.match(seen, card.end) for card in cards)
    end = 0
    for start, stop in sorted(match.span("code") for match in (*named, *beside) if match):
        if start >= end:
            yield start, stop
            end = stop
