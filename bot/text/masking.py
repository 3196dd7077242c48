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
from bot.text.lexicon import default_folder
from bot.text.masking_patterns import Patterns, load_patterns
from bot.text.reading import blank, blank_spans, read

HIDDEN = "••••"
_HIDDEN_CODE = "•••"
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
        """Tells whether anything was hidden."""
        return bool(self.cards or self.codes or self.accounts)


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
    patterns = load_patterns(lexicon or default_folder())
    seen = blank(reading.text, _ALREADY_HIDDEN, _GUID)
    accounts = [(start, end, iban[:2] + HIDDEN + iban[-4:]) for start, end, iban in find_ibans(seen)]
    seen = blank_spans(seen, accounts)
    cards = [(card.start, card.end, HIDDEN + _last_digits(seen, card)) for card in find_cards(seen, patterns)]
    seen = blank_spans(seen, cards)
    codes = [(start, end, _HIDDEN_CODE) for start, end in _codes(seen, [end for _, end, _ in cards], patterns)]
    for seen_start, seen_end, replacement in sorted([*accounts, *cards, *codes], reverse=True):
        start, end = reading.span(seen_start, seen_end)
        text = text[:start] + replacement + text[end:]
    return Masked(text, len(cards), len(codes), len(accounts))


def _last_digits(seen: str, card: FoundCard) -> str:
    """Returns the last four digits of a card number; none where it is not certain which digits belong to it."""
    return "".join(filter(str.isdigit, seen[card.start : card.end]))[-4:] if card.certain else ""


def _codes(seen: str, card_ends: Iterable[int], patterns: Patterns) -> Iterator[tuple[int, int]]:
    """Yields where security codes stand: those that are named, and those beside a card number."""
    named = [*patterns.code_after_name.finditer(seen), *patterns.code_before_name.finditer(seen)]
    beside = (patterns.code_beside_card.match(seen, end) for end in card_ends)
    last = 0
    for start, end in sorted(match.span("code") for match in (*named, *beside) if match):
        if start >= last:
            yield start, end
            last = end
