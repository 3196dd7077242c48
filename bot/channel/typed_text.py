"""Makes what a customer has typed safe to hand on: no half characters, no commands, no card numbers."""

from __future__ import annotations

import re
import unicodedata

from bot.text.masking import Masked, mask

# Rasa takes a text for a command if its first visible character is a slash; this one (FRACTION SLASH) looks the same,
# and no normalisation turns it into a slash.
HARMLESS_SLASH = "\u2044"
_COMMAND_SIGN = "/"

_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")
# Control characters other than tab and new line: a database may refuse them, and nobody types them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def safe_text(typed: str) -> Masked:
    """Returns a typed text as the bot may see it.

    Args:
        typed: what the customer typed, whatever it is.

    Returns:
        The text, with card numbers and the like hidden, and how much was hidden. Empty where nothing can be seen.
    """
    whole = _HALF_CHARACTERS.sub("\ufffd", typed)
    clean = _CONTROLS.sub(" ", whole.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not any(_is_seen(char) for char in clean):
        return Masked("")
    masked = mask(clean)
    return Masked(as_text(masked.text), masked.cards, masked.codes, masked.accounts)


def as_text(text: str) -> str:
    """Returns a text that Rasa cannot take for a command such as `/restart` or `/intent{...}`.

    Slashes of every width at its beginning become harmless ones, however many blanks and unseen characters stand
    before and between them.
    """
    for position, char in enumerate(text):
        if not _is_seen(char):
            continue
        if not unicodedata.normalize("NFKC", char).startswith(_COMMAND_SIGN):
            return text
        text = text[:position] + HARMLESS_SLASH + text[position + 1 :]
    return text


def _is_seen(char: str) -> bool:
    return not char.isspace() and unicodedata.category(char) not in {"Cf", "Cc", "Mn", "Me"} and char not in _BLANKS


# Letters that show nothing: Hangul fillers and the braille blank.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
