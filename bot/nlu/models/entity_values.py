"""Confirms or drops the possible entities that `entity_patterns` marked; gives confirmed ones a normalised value."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from spacy.tokens import Span

from bot.nlu.models.entity_patterns import CANDIDATE, span_offsets
from bot.nlu.models.entity_words import EntityWords, EverydayName

# How many words and marks may stand between the announcement of an error code and the code, and which marks may;
# no asterisk, behind which the last digits of a card stand.
_LONGEST_FILLER = 4
_NEVER = EverydayName()
_PUNCTUATION = frozenset(":#=-–()[]<>\"'’«»“”„,.°")


def read_entities(
    spans: Iterable[Span], language: str | None, words: EntityWords
) -> Iterator[tuple[str, str, int, int]]:
    """Yields the entities that the patterns marked and their neighbours confirm, in the order of the text.

    Args:
        spans: what is marked in a document.
        language: ISO 639-1 code of the message's language, which decides what `kr` and 3/12/2024 mean.
        words: the word lists.

    Yields:
        Kind (such as `amount`), normalised value, and offsets of the first character and behind the last one.
    """
    for span in spans:
        found = _READERS[span.label_](span, language, words)
        if found:
            yield (*found, *span_offsets(span))


Reading = tuple[str, str] | None


def _read_amount(span: Span, language: str | None, words: EntityWords) -> Reading:
    number = _parse_number("".join(token.text for token in span if token.text[0].isdecimal()))
    for token in span:
        number *= words.multipliers.get(token.norm_, 1)
    names = [token.norm_ for token in span if token.norm_ in words.currencies]
    if not names:
        return "amount", f"{number:.2f} {words.of(language).dash_currency}".rstrip()
    if names[0] in words.minor_units:
        number /= 100
    doubt, before_number = words.doubtful_currencies.get(names[0]), not span.text[0].isdecimal()
    if doubt and span.text.islower() and (number < doubt.at_least or (before_number and not doubt.before_number)):
        return None
    # Where it is named on both sides (`$50 CAD`) letters are clearer than signs.
    clearest_first = sorted(names, key=lambda name: not name.isalpha())
    currency = next(filter(None, (words.currency(name, language) for name in clearest_first)), None)
    return ("amount", f"{number:.2f} {currency}") if currency else None


def _parse_number(text: str) -> Decimal:
    """Reads a number of any market: the last mark is the decimal one unless it occurs twice or has three digits."""
    text = text.replace("'", "").replace("’", "").replace(":", ",")
    marks = [char for char in text if char in ".,"]
    if not marks:
        return Decimal(text)
    whole, _, rest = text.rpartition(marks[-1])
    several_kinds = len(set(marks)) > 1
    if marks.count(marks[-1]) > 1 or (len(rest) == 3 and not several_kinds and whole != "0"):
        whole, rest = whole + rest, "0"
    return Decimal(f"{re.sub('[.,]', '', whole)}.{rest}")


def _read_date(span: Span, language: str | None, words: EntityWords) -> Reading:
    text = span.text
    month = next((words.months[token.norm_] for token in span if token.norm_ in words.months), None)
    numbers = [int(number) for number in re.findall("[0-9]+", text)]
    if month:
        return _read_named_date(text, month, numbers)
    if len(numbers) == 2:
        return ("date", text) if _is_day_and_month(span, numbers, language, words) else None
    return _read_numeric_date(text, numbers, words.of(language).date_order == "day_first")


def _read_named_date(text: str, month: int, numbers: list[int]) -> Reading:
    year = next((number for number in numbers if number > 31), None)
    day = next((number for number in numbers if number <= 31), None)
    if day is None:
        return "date", f"{year}-{month:02}"
    if not _is_day(year or 2000, month, day):
        return None
    return "date", (f"{year}-{month:02}-{day:02}" if year else text)


def _read_numeric_date(text: str, numbers: list[int], day_first: bool) -> Reading:
    if numbers[0] > 31:
        readings = [(numbers[0], numbers[1], numbers[2])]
    else:
        first, second, year = numbers
        year += 2000 if year < 100 else 0
        # With full stops and no habit the day is first. The other order may be an American date in another language.
        readings = [(year, second, first), (year, first, second)][: 1 if "." in text and not day_first else 2]
    valid = [*dict.fromkeys(reading for reading in readings if _is_day(*reading))][: 1 if day_first else 2]
    if not valid:
        return None
    return "date", ("{:04}-{:02}-{:02}".format(*valid[0]) if len(valid) == 1 else text)


def _is_day_and_month(span: Span, numbers: list[int], language: str | None, words: EntityWords) -> bool:
    """Tells whether a pair of numbers (5/7, 3.4., 12-03) is a date: by a word such as `on`, or the market's habit."""
    possible = _is_day(2000, numbers[1], numbers[0]) or _is_day(2000, numbers[0], numbers[1])
    if not possible or span.text in words.all["not_dates"]:
        return False
    habits = words.of(language) if language in words.languages else None
    before = _previous(span)
    if before in words.all["date_prepositions"]:
        return True
    excluded = before in (habits.not_dates_after if habits else words.all["not_dates_after"])
    if excluded or span.label_ == CANDIDATE:
        return False
    return "/" in span.text or habits is None or habits.dotted_dates


def _is_day(year: int, month: int, day: int) -> bool:
    return year > 0 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _read_product(span: Span, language: str | None, words: EntityWords) -> Reading:
    name = " ".join(token.norm_ for token in span if token.norm_ not in "-–")
    everyday = words.everyday_names.get(name, _NEVER)
    is_everyday = _previous(span) in everyday.after or _next(span) in everyday.before
    if is_everyday and not _noun_follows(span, words):
        return None
    return "product", words.product_names[max(filter(name.startswith, words.product_names), key=len)]


def _read_candidate(span: Span, language: str | None, words: EntityWords) -> Reading:
    norm = span[0].norm_
    if norm in words.all["product_needs_noun"]:
        return ("product", words.product_names[norm]) if _noun_follows(span, words) else None
    if _announces_error(span, words):
        return "error_code", span.text
    pair = re.fullmatch(r"([0-9]{1,2})[.-]([0-9]{1,2})", norm)
    if pair and _is_day_and_month(span, [int(part) for part in pair.groups()], language, words):
        return "date", span.text
    return None


def _announces_error(span: Span, words: EntityWords) -> bool:
    """Tells whether the words before a token make it an error code."""
    before = [token.norm_ for token in span.doc[max(0, span.start - 8) : span.start] if not token.text.isspace()]
    for _ in range(_LONGEST_FILLER):
        if not before or _names_error(before[-1], words):
            break
        if before[-1] not in _PUNCTUATION and before[-1] not in words.all["fillers"]:
            return False
        before.pop()
    return bool(before) and _names_error(before[-1], words) and _is_error_code(span.text, before, words)


def _is_error_code(text: str, before: list[str], words: EntityWords) -> bool:
    """Tells whether the last of some words, which speaks of an error or a code, announces a text as its code."""
    word = before[-1]
    neighbours = {word for word in before[-4:-1] if word.isalnum()} - words.all["fillers"]
    if word in words.all["error_code_words"]:
        return True
    if word in words.all["code_words"]:
        five_digits = bool(re.fullmatch("[0-9]{5}", text)) and not neighbours & words.all["other_codes"]
        return five_digits or bool(neighbours & words.all["error_words"])
    return bool(neighbours & words.all["code_words"] or re.fullmatch("[0-9]{2,6}(?:-[0-9]+)?", text))


def _names_error(word: str, words: EntityWords) -> bool:
    return any(word in words.all[field] for field in ("error_code_words", "code_words", "error_words"))


def _previous(span: Span) -> str:
    """Returns the word before a span; an apostrophe (`l'office`) or the stop of an abbreviation is passed over."""
    tokens = reversed(span.doc[max(0, span.start - 2) : span.start])
    return next((token.norm_ for token in tokens if token.text not in ".'’"), "")


def _noun_follows(span: Span, words: EntityWords) -> bool:
    """Tells whether a word that goes with a product stands behind a span, maybe after a hyphen."""
    return _next(span, over="-–").startswith(tuple(words.all["product_nouns"]))


def _next(span: Span, over: str = "") -> str:
    """Returns the word behind a span; one of the characters `over` is passed over."""
    return next((token.norm_ for token in span.doc[span.end : span.end + 2] if token.text not in over), "")


_READERS: dict[str, Callable[[Span, str | None, EntityWords], Reading]] = {
    "amount": _read_amount,
    "date": _read_date,
    "product": _read_product,
    CANDIDATE: _read_candidate,
    "subscription_id": lambda span, language, words: ("subscription_id", span.text.lower()),
    "invoice_number": lambda span, language, words: ("invoice_number", span.text.upper()),
    "error_code": lambda span, language, words: ("error_code", span.text.upper().replace("0X", "0x")),
}
