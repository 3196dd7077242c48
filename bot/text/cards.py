"""Finds payment card numbers in a text by their check digit and their issuers' number ranges.

A number of no known issuer counts, too, where it stands alone: not in a code or a date, not named as a reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.text.masking_patterns import Patterns
from bot.text.reading import blank

_SHORTEST, _LONGEST = 13, 19
_LONGEST_PHONE = 13
# Issuers' number ranges (ISO/IEC 7812): what a number begins with, and its possible lengths.
_ISSUERS: tuple[tuple[str, Sequence[int]], ...] = (
    (r"4", (13, 16, 19)),  # Visa
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
    (r"3[47]", (15,)),  # American Express
    (r"3(?:0[0-5]|[689])", range(14, 20)),  # Diners Club
    (r"35(?:2[89]|[3-8])", range(16, 20)),  # JCB
    (r"5[0678]|6", range(13, 20)),  # Maestro, Discover, UnionPay, RuPay, Dankort
    (r"220[0-4]", range(16, 20)),  # Mir
)
_ISSUER = re.compile("|".join(f"({start})" for start, _ in _ISSUERS))
# Numbers of these lengths are found where a date or a security code is glued to their end, too.
_COMMON_LENGTHS = (15, 16)

_GROUP = re.compile(r"[0-9]+")
# Digits that at most one sign, or blanks, keep apart.
_CLOSE_DIGITS = re.compile(r"[0-9](?:(?: +|[-./_])?[0-9])*")
# The plus of +47: what follows is another number than what stands before.
_PLUS = re.compile(r"(?<![^\s(,;:/])\+(?=[0-9(])")
# A code that goes on, such as `INV-`.
_CODE_BEFORE = re.compile(r"[^\W_][-_]$")
# Full dates, and amounts from a thousand with cents: two in a row are no card number, nor is one with a time beside it.
_DATE_OR_AMOUNT = re.compile(
    r"(?<![0-9])(?<![0-9][-.,/'])(?:(?:19|20)[0-9]{2}([-./])[01]?[0-9]\1[0-3]?[0-9]"
    r"|[0-3]?[0-9]([-./])[01]?[0-9]\2(?:19|20)[0-9]{2}|[1-9][0-9]{0,2}(?:[ .,'][0-9]{3}){1,2}[.,][0-9]{2})(?![0-9])"
)
_FEWEST_OTHER_DIGITS = 5
# Every second digit counts twice, and of 10 to 18 the sum of both digits.
_DOUBLED = str.maketrans("0123456789", "0246813579")


class FoundCard(NamedTuple):
    """A card number in a text.

    Args:
        start: where it begins.
        end: where it ends, and what is glued to it.
        certain: whether it is clear which digits belong to it.
    """

    start: int
    end: int
    certain: bool


def passes_luhn(digits: str) -> bool:
    """Tells whether a number's last digit is its check digit (ISO/IEC 7812-1, annex B)."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def find_cards(seen: str, patterns: Patterns) -> list[FoundCard]:
    """Returns the card numbers in a text, in order; those that overlap are joined.

    Args:
        seen: the text of a `Reading`.
        patterns: made from the word lists.
    """
    found = {*_of_known_issuers(seen, patterns), *_alone(seen, patterns)}
    if not found:
        return []
    named = (patterns.reference_code, patterns.case_number)
    references = [match.span() for pattern in named for match in pattern.finditer(seen)]
    others = blank(seen, _DATE_OR_AMOUNT)
    joined: list[FoundCard] = []
    for card in sorted(found):
        if len(re.findall("[0-9]", others[card.start : card.end])) < _FEWEST_OTHER_DIGITS:
            continue
        if any(start <= card.start and card.end <= end for start, end in references):
            continue
        if joined and card.start < joined[-1].end:
            joined[-1] = FoundCard(joined[-1].start, max(joined[-1].end, card.end), certain=False)
        else:
            joined.append(card)
    return joined


def _of_known_issuers(seen: str, patterns: Patterns) -> Iterator[FoundCard]:
    """Yields the numbers that begin and end with a group of digits, however many groups they are made of."""
    phones = {match.end() for match in _PLUS.finditer(seen)}
    for run in patterns.digit_run.finditer(blank(seen, _PLUS)):
        places: list[int] = []
        firsts: list[int] = []
        group_end = [0]  # where the group ends that the digit before belongs to, counted in digits
        for group in _GROUP.finditer(seen, *run.span()):
            firsts.append(len(places))
            places += range(*group.span())
            group_end += [len(places)] * (len(places) - firsts[-1])
        if len(places) < _SHORTEST or (run.start() in phones and len(places) <= _LONGEST_PHONE):
            continue
        digits = "".join(map(seen.__getitem__, places))
        for first in firsts:
            issuer = _ISSUER.match(digits, first)
            lengths = _ISSUERS[(issuer.lastindex or 0) - 1][1] if issuer else ()
            for end in (first + length for length in lengths if first + length <= len(digits)):
                certain = group_end[end] == end
                if (certain or end - first in _COMMON_LENGTHS) and passes_luhn(digits[first:end]):
                    yield FoundCard(places[first], places[group_end[end] - 1] + 1, certain)


def _alone(seen: str, patterns: Patterns) -> Iterator[FoundCard]:
    """Yields numbers of any issuer that stand alone: not part of a code such as `AB-1234`, not called an invoice."""
    for run in _CLOSE_DIGITS.finditer(seen):
        digits = "".join(filter(str.isdigit, run.group()))
        if not (_SHORTEST <= len(digits) <= _LONGEST and passes_luhn(digits)):
            continue
        before, after = seen[max(0, run.start() - 40) : run.start()], seen[run.end() : run.end() + 1]
        part_of_code = before[-1:].isalpha() or after.isalpha() or _CODE_BEFORE.search(before)
        phone_or_date = (before.endswith("+") and len(digits) <= _LONGEST_PHONE) or _DATE_OR_AMOUNT.search(run.group())
        if not (part_of_code or phone_or_date or patterns.reference_before.search(before)):
            yield FoundCard(run.start(), run.end(), certain=True)
