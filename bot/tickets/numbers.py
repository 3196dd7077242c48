"""Writes, parses and finds ticket numbers, such as `T-48210-K7QX3M`: a counter, and a code that nobody can guess.

It also finds the case numbers of Microsoft's own support, which are none of ours.
"""

from __future__ import annotations

import re
import secrets

FIRST_NUMBER = 10_000
# Crockford's base 32: no I, L, O and U, so that a number survives being read aloud. Six characters are 30 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 6
_MISREAD = str.maketrans("ILO", "110")
_NUMBER = re.compile(rf"T\W*([0-9]{{5,12}})\W*([0-9A-Z]{{{CODE_LENGTH}}})", re.ASCII)
_COUNTER = re.compile(r"(?:T-?)?([0-9]{5,12})", re.ASCII)
_OF_MICROSOFT = re.compile(r"(?<!\d)2[0-9]\d{14}(?!\d)")
_IN_TEXT = re.compile(rf"\bT[\s-]*[0-9]{{5,12}}[\s-]+[0-9A-Z]{{{CODE_LENGTH}}}\b", re.ASCII | re.IGNORECASE)


def new_code() -> str:
    """Returns the unguessable part of a new number."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def write(identity: int, code: str) -> str:
    """Returns the number of a ticket, for example `T-48210-K7QX3M`."""
    return f"T-{FIRST_NUMBER + identity}-{code}"


def parse(number: str) -> tuple[int, str] | None:
    """Reads a number as a customer types it.

    Args:
        number: for example `T-48210-K7QX3M`, `t 48210 k7qx3m`; O is read as 0, I and L as 1.

    Returns:
        The ticket's id and code, None if it is no ticket number.
    """
    match = _NUMBER.fullmatch(number.strip().upper())
    return (int(match.group(1)) - FIRST_NUMBER, match.group(2).translate(_MISREAD)) if match else None


def parse_counter(text: str) -> int | None:
    """Returns the id of the ticket whose number begins with a text, `T-48210` or `48210`; None where none can."""
    match = _COUNTER.fullmatch(text.upper())
    return int(match.group(1)) - FIRST_NUMBER if match else None


def find_number(text: str) -> str | None:
    """Returns the ticket number that stands in a text, None if none does."""
    match = _IN_TEXT.search(text)
    return match.group() if match else None


def find_case_of_microsoft(text: str) -> str | None:
    """Returns the number of a case of Microsoft's own support in a text, None if none stands there.

    It has 16 digits, the first two of the year.
    """
    match = _OF_MICROSOFT.search(text)
    return match.group() if match else None
