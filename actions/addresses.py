"""Recognises e-mail addresses in what a customer types."""

from __future__ import annotations

import re

# What stands around an address in a sentence: brackets, quotes, the sentence's own full stop.
_CANDIDATE = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


def find_address(text: str) -> str | None:
    """Returns the first valid e-mail address in a text, in its normal form, None if there is none.

    Whether its server exists is not asked: the bot makes no requests for a customer.
    """
    from email_validator import EmailNotValidError, validate_email

    for candidate in _CANDIDATE.findall(text):
        try:
            return validate_email(candidate.rstrip(".!?"), check_deliverability=False).normalized
        except EmailNotValidError:
            continue
    return None


def without_address(text: str) -> str:
    """Returns what a text says beside addresses."""
    return _CANDIDATE.sub(" ", text).strip()
