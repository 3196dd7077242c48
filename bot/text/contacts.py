"""Finds e-mail addresses and telephone numbers in what a customer types; an address is valid, or only looks like one.

Only `find_address` has `email_validator` judge it; `find_contact` also takes what merely looks like an address.
Addresses may be spelt out: "ann arroba example punto com".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from bot.text.lexicon import default_folder, load_lexicon

# What stands around an address in a sentence: brackets, quotes, the sentence's own full stop.
_CANDIDATE = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
# Seven to fourteen digits, beside a leading + or 00, as numbers are grouped in writing.
_PHONE = re.compile(r"(?<![\w-])(?:\+|00)?\(?\d(?:[ ()./-]{0,2}\d){6,13}(?![\w-])")
# A date, or a Finnish company's number.
_DATE_OR_ID = re.compile(r"(?<![\w-])(?:\d{4}-\d\d-\d\d|\d\d?[./-]\d\d?[./-]\d{4}|\d{7}-\d)(?![\w-])")
_SHORT = len("at")
"""Length of the words for the at sign that are words of other meaning, too: `at`, `ät`."""


def valid_address(text: str) -> Any:
    """Returns an e-mail address as `email_validator` reads it, None where it is none.

    Whether its server exists is not asked: the bot makes no requests for a customer.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return None


def find_address(text: str) -> str | None:
    """Returns the first valid e-mail address in a text, in its normal form, None if there is none."""
    return next(_addresses(text), None)


def _addresses(text: str) -> Iterator[str]:
    """Yields the valid e-mail addresses in a text, in their normal form."""
    candidates = (valid_address(candidate.rstrip(".!?")) for candidate in _CANDIDATE.findall(with_signs(text)))
    yield from (found.normalized for found in candidates if found)


def customers_address(text: str) -> str | None:
    """Returns the first valid e-mail address in a text that is none of Microsoft's, whose mails customers ask about."""
    own = (each for each in _addresses(text) if not f".{each.partition('@')[2]}".endswith(".microsoft.com"))
    return next(own, None)


def find_phone(text: str) -> str | None:
    """Returns the first telephone number in a text as it was typed, None if there is none."""
    found = _PHONE.search(_DATE_OR_ID.sub(";", text))
    return found.group().strip() if found else None


def find_contact(text: str) -> str | None:
    """Returns what looks like an e-mail address, valid or not, or a telephone number; None if there is neither."""
    found = _CANDIDATE.search(with_signs(text))
    return found.group() if found else find_phone(text)


def without_address(text: str) -> str:
    """Returns what a text says beside addresses."""
    return _CANDIDATE.sub(" ", with_signs(text)).strip()


def around_contacts(text: str) -> list[str]:
    """Returns what a text says before, between and after addresses and its telephone number."""
    around = _CANDIDATE.sub("\0", with_signs(text)).replace(find_phone(text) or "\0", "\0")
    return [part.strip(" .,;") for part in around.split("\0")]


def with_signs(text: str) -> str:
    """Returns a text with the signs of addresses that are spelt out: "ann (at) example (dot) com".

    A text that has an at sign stays as it is.
    """
    if "@" in text:
        return text
    spelt_out, at, dot = _spelt_out()
    return spelt_out.sub(lambda found: dot.sub(".", at.sub("@", found.group(), 1)), text)


@lru_cache(maxsize=1)
def _spelt_out() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Returns what finds an address that is spelt out, and in it the word for the at sign and those for dots."""
    words = [each.addresses for each in load_lexicon(default_folder()).values()]
    dot = _set_apart(re.escape(word) for each in words for word in each.dot)
    # "I looked at example.com" is no address: the short word needs brackets, or dots that are spelt out as well.
    if_short = rf"(?= ?[)\]]| [\w-]+{dot})"
    at = _set_apart(re.escape(word) + if_short * (len(word) == _SHORT) for each in words for word in each.at)
    dots = rf"(?:{dot}|\.)"
    # Tried at the beginning of a word only: in every place a word of some thousand letters would take a second.
    address = rf"(?<![\w+-])[\w+-]+(?:{dots}[\w+-]+)*{at}[\w-]+(?:{dots}[\w-]+)+"
    return re.compile(address, re.IGNORECASE), re.compile(at, re.IGNORECASE), re.compile(dot, re.IGNORECASE)


def _set_apart(words: Iterable[str]) -> str:
    """Returns a pattern for any of some words, with blanks or brackets around it."""
    return rf"(?: ?[(\[] ?| )(?:{'|'.join(sorted({*words}))})(?: ?[)\]] ?| )"
