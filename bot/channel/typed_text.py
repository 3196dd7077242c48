"""Makes a customer's typed text safe to hand on: masks card and account numbers, runs no commands, cuts long texts.

A slash at the beginning, which Rasa would take for a command, becomes one that looks the same; unreadable characters
are dropped; of very many words the first and the last ones stay.
"""

from __future__ import annotations

import re
import unicodedata

from bot.text.characters import is_seen, readable
from bot.text.masking import Masked, mask

# Rasa takes a text for a command if its first visible character is a slash; this one (FRACTION SLASH) looks the same,
# and no normalisation turns it into a slash.
HARMLESS_SLASH = "\u2044"
MOST_WORDS = 400
"""Real messages of 2,000 letters have fewer; a thousand words of one letter would keep a processor busy for long."""


def safe_text(typed: str) -> Masked:
    """Returns a typed text as the bot may see it.

    Args:
        typed: what the customer typed, whatever it is.

    Returns:
        The text, with card numbers and the like hidden, and how much was hidden; of more words than MOST_WORDS the
        first and the last ones. Empty where nothing can be seen.
    """
    clean = readable(typed.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not any(map(is_seen, clean)):
        return Masked("")
    masked = mask(clean)
    return Masked(as_text(_shortened(masked.text)), masked.cards, masked.codes, masked.accounts)


def _shortened(text: str) -> str:
    words = list(re.finditer(r"\S+", text))
    if len(words) <= MOST_WORDS:
        return text
    half = MOST_WORDS // 2
    return f"{text[: words[half - 1].end()]} … {text[words[-half].start() :]}"


def as_text(text: str) -> str:
    """Returns a text that Rasa cannot take for a command such as `/restart` or `/intent{...}`.

    Slashes of every width at its beginning become harmless ones, however many blanks and unseen characters stand
    before and between them.
    """
    for position, char in enumerate(text):
        if not is_seen(char):
            continue
        if not unicodedata.normalize("NFKC", char).startswith("/"):
            return text
        text = text[:position] + HARMLESS_SLASH + text[position + 1 :]
    return text
