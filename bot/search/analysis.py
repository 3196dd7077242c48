"""Turns texts into the terms that are looked up: stems without diacritics, and the pieces of words."""

from __future__ import annotations

from functools import lru_cache

import Stemmer

from bot.encoder.features import fold, words_of

_STEMMED = frozenset(
    {"ar", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "lt", "nb", "nl", "pt", "ro", "ru", "sv", "tr"}
)
"""Languages with a stemmer of Snowball's; the words of others are taken as they are."""

PIECE = 4
"""Letters of a piece: parts of compounds are found, and words with a slip in them."""


@lru_cache(maxsize=64)
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    return Stemmer.Stemmer("no" if language == "nb" else language) if language in _STEMMED else None


def stems(text: str, language: str) -> list[str]:
    """Returns the words of a text in their order, stemmed and without diacritics."""
    words = words_of(text)
    stemmer = _stemmer(language)
    return [fold(word) for word in (stemmer.stemWords(words) if stemmer is not None else words)]


def pieces(text: str) -> list[str]:
    """Returns the runs of four letters of each word without diacritics and with its borders marked."""
    found: list[str] = []
    for word in words_of(text):
        marked = f"<{fold(word)}>"
        found.extend(marked[start : start + PIECE] for start in range(max(1, len(marked) - PIECE + 1)))
    return found
