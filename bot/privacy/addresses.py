"""Compares e-mail addresses as people write them (capitals, full-width, invisible characters), finds one in a text."""

from __future__ import annotations

import re
import unicodedata

AT_SIGNS = "@\uff20\ufe6b"
"""All characters that `fold` makes an at sign."""
# Not shown, whatever their category (Unicode: Default_Ignorable_Code_Point); the last is the Braille blank.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff\u2800]"
)
_INVISIBLE = {"Cf", "Cc", "Cn", "Co", "Cs"}


def fold(text: str) -> str:
    """Returns a text for comparison: small letters, compatibility characters made plain, invisible ones left out.

    This is Unicode's NFKC_Casefold, which also leaves out control characters other than white space.
    """
    if not text.isascii():
        text = _IGNORABLE.sub("", text)
        text = unicodedata.normalize("NFD", text)
        for _ in range(2):  # a folded letter may be one that NFKC changes, and the other way round
            text = unicodedata.normalize("NFKC", text.casefold())
        text = text.replace("\u3002", ".")  # the full stop of Chinese and Japanese, which IDNA reads as a dot
    return "".join(char for char in text.casefold() if char.isspace() or unicodedata.category(char) not in _INVISIBLE)


def fold_address(address: str) -> str:
    """Returns an address for comparison, without the dots and dashes that a list or a sentence puts around it.

    Raises:
        ValueError: it is no e-mail address.
    """
    folded = fold(address).strip().lstrip(".-").rstrip(".")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", folded):
        raise ValueError(f"`{address}` is not an e-mail address; expected such as anna@example.com.")
    return folded


def is_address(text: str | None, address: str) -> bool:
    """Tells whether a text is a folded address, however it is spelled."""
    try:
        return bool(text) and fold_address(str(text)) == address
    except ValueError:
        return False


def find_mention(text: str, address: str) -> str | None:
    """Returns the folded words around a folded address in a text, None if it is not there.

    `anna@x.no` is there in `…-Anna＠x.no.`, but not in `joanna@x.no`, `jo.anna@x.no` or `anna@x.no.example`.
    """
    if not any(sign in text for sign in AT_SIGNS):
        return None
    folded = fold(text)
    start = folded.find(address)
    while start >= 0:
        end = start + len(address)
        before, after = folded[max(0, start - _LONGEST) : start].rstrip(".-"), folded[end : end + _LONGEST]
        if not (before and _in_name(before[-1])) and not (after and _in_host(after)):
            return " ".join(folded[max(0, start - _AROUND) : end + _AROUND].split())
        start = folded.find(address, start + 1)
    return None


# The longest run of dots and dashes that is looked across, and how much around a mention helps to judge it.
_LONGEST = 64
_AROUND = 40


def _in_name(char: str) -> bool:
    return char in "_+%" or unicodedata.category(char)[0] in "LMN"


def _in_host(after: str) -> bool:
    """Tells whether the host of an address goes on: a letter or digit, after one dot or after dashes."""
    rest = after[1:] if after[0] == "." else after.lstrip("-")
    return bool(rest) and unicodedata.category(rest[0])[0] in "LMN"
