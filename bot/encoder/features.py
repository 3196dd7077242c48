"""Turns words into the features that word vectors are kept for: the word and its character n-grams, as 32-bit keys."""

from __future__ import annotations

import re
import unicodedata
import zlib

import numpy as np
import numpy.typing as npt

from bot.text.characters import fold_diacritics

Keys = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]

_LENGTHS = (3, 4, 5)
"""Characters of the n-grams."""
_LONGEST_WORD = 40
"""Characters read of a word; what is longer is an address, an id or a slip."""
_WORD = re.compile(r"\w+")
_LONG_NUMBER = re.compile(r"\d{5,}")


def words_of(text: str) -> list[str]:
    """Returns the lower-cased words of a text, long numbers as one and the same word."""
    return _WORD.findall(_LONG_NUMBER.sub("00000", unicodedata.normalize("NFKC", text).lower()))


def fold(word: str) -> str:
    """Returns a word without its diacritics, as it is typed on a phone (`påminnelse` → `paminnelse`)."""
    return fold_diacritics(word).replace("œ", "oe")


def word_keys(word: str) -> Keys:
    """Returns the keys of a word's features: the word as it is, the word without diacritics, and its n-grams.

    Subwords as in Bojanowski et al. 2017 (arXiv:1607.04606), over the folded word with its borders marked.

    Args:
        word: a lower-cased word.

    Returns:
        CRC-32 keys; a feature that occurs twice is there twice.
    """
    word = word[:_LONGEST_WORD]
    folded = fold(word)
    marked = f"<{folded}>"
    ngrams = (marked[start : start + length] for length in _LENGTHS for start in range(len(marked) - length + 1))
    return np.array([zlib.crc32(name.encode()) for name in (f"={word}", f"~{folded}", *ngrams)], dtype=np.uint32)


def rows_of(keys: Keys, word: str) -> npt.NDArray[np.int64]:
    """Returns where the features of a word stand among the known ones.

    Args:
        keys: the known features, ascending, without repetition.
        word: a lower-cased word.
    """
    if not len(keys):
        return np.zeros(0, np.int64)
    wanted = word_keys(word)
    rows = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.asarray(rows[keys[rows] == wanted])
