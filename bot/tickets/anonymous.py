"""Takes out of a customer's sentence what only concerns the customer, so that it may become a training phrase."""

from __future__ import annotations

import re
import unicodedata

from bot.text.masking import mask

_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\W\d_]{2,}")
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d(?:[ ./-]?\d){5,}")
_LINK = re.compile(r"https?://\S+")


def anonymous(text: str) -> str:
    """Returns the text on one line, without card numbers, addresses and links, with noughts for long numbers.

    Names of people cannot be told from other words: whoever accepts a phrase reads it.
    """
    text = "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in mask(text).text)
    text = _EMAIL.sub("name@example.com", text)
    text = _LINK.sub("https://example.com", text)
    text = _GUID.sub("00000000-0000-0000-0000-000000000000", text)
    text = _LONG_NUMBER.sub(lambda match: re.sub(r"\d", "0", match.group()), text)
    # Brackets and braces mark entities in Rasa's training files.
    return " ".join(text.translate(str.maketrans("[]{}", "()()")).split())
