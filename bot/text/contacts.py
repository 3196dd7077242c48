"""Finds e-mail addresses and telephone numbers in what a customer types; an address is valid, or only looks like one.

Only `find_address` has `email_validator` judge it; `find_contact` also takes what merely looks like an address.
"""

from __future__ import annotations

import re
from typing import Any

# What stands around an address in a sentence: brackets, quotes, the sentence's own full stop.
_CANDIDATE = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
# Seven to fourteen digits, beside a leading + or 00, as numbers are grouped in writing.
_PHONE = re.compile(r"(?<![\w-])(?:\+|00)?\(?\d(?:[ ()./-]{0,2}\d){6,13}(?![\w-])")


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
    candidates = (valid_address(candidate.rstrip(".!?")) for candidate in _CANDIDATE.findall(text))
    return next((found.normalized for found in candidates if found), None)


def find_phone(text: str) -> str | None:
    """Returns the first telephone number in a text as it was typed, None if there is none."""
    found = _PHONE.search(text)
    return found.group().strip() if found else None


def find_contact(text: str) -> str | None:
    """Returns what looks like an e-mail address, valid or not, or a telephone number; None if there is neither."""
    found = _CANDIDATE.search(text)
    return found.group() if found else find_phone(text)


def without_address(text: str) -> str:
    """Returns what a text says beside addresses."""
    return _CANDIDATE.sub(" ", text).strip()
