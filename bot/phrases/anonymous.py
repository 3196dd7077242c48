"""Takes out of a customer's sentence what only concerns the customer, so that it may become a training phrase."""

from __future__ import annotations

import re

from bot.text.characters import readable
from bot.text.contacts import with_signs
from bot.text.masking import mask

_IN_ADDRESS = r"[^\s@<>\"'(),;:]"
# Tried at the beginning of a word only: in every place it would take a second for a word of some thousand letters.
_EMAIL = re.compile(
    rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}+@{_IN_ADDRESS}+\.[^\W\d_]{{2,}}(?:{_IN_ADDRESS}*@{_IN_ADDRESS}+)*"
)
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d(?:[ ./-]?\d){5,}")
_LINK = re.compile(r"https?://\S+")
NO_BRACES = str.maketrans("[]{}", "()()")
"""Brackets and braces mark entities in Rasa's training files."""


def anonymous(text: str) -> str:
    """Returns the text on one line, without card numbers, addresses and links, with noughts for long numbers.

    Names of people cannot be told from other words: whoever accepts a phrase reads it.
    """
    # In files of ASCII alone Rasa reads a typed `\u000a` as a new line: a phrase could bring intents of its own.
    # Masking comes after what may bring the digits of a number together.
    text = mask(readable(text).replace("\\", " ")).text
    text = _EMAIL.sub("name@example.com", with_signs(text))
    text = _LINK.sub("https://example.com", text)
    text = _GUID.sub("00000000-0000-0000-0000-000000000000", text)
    text = _LONG_NUMBER.sub(lambda match: re.sub(r"\d", "0", match.group()), text)
    return " ".join(text.translate(NO_BRACES).split())
