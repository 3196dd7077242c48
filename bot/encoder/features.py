"""Turns texts into the features that the encoder knows: words and the character n-grams inside them, as 32-bit keys."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

Keys = npt.NDArray[np.uint32]

SHORTEST_NGRAM = 3
LONGEST_NGRAM = 5
_LONGEST_WORD = 40
"""Characters read of a word; what is longer is an address, an id or a slip."""
_WORD = re.compile(r"\w+")
_LONG_NUMBER = re.compile(r"\d{5,}")


def words_of(text: str) -> list[str]:
    """Returns the lower-cased words of a text, long numbers as one and the same word."""
    return _WORD.findall(_LONG_NUMBER.sub("00000", unicodedata.normalize("NFKC", text).lower()))


def fold(word: str) -> str:
    """Returns a word without its diacritics, as it is typed on a phone (`påminnelse` → `paminnelse`)."""
    if word.isascii():
        return word
    folded = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    return folded.replace("ø", "o").replace("æ", "ae").replace("ß", "ss").replace("œ", "oe")


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
    names = [f"={word}", f"~{folded}"]
    marked = f"<{folded}>"
    for length in range(SHORTEST_NGRAM, LONGEST_NGRAM + 1):
        names.extend(marked[start : start + length] for start in range(len(marked) - length + 1))
    return np.fromiter((zlib.crc32(name.encode()) for name in names), dtype=np.uint32, count=len(names))


class Vocabulary:
    """The features that an encoder knows, each with the number of its row in the table.

    Args:
        keys: ascending, without repetition.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, text: str) -> list[npt.NDArray[np.int32]]:
        """Returns the rows of each word's known features; words of which nothing is known are left out."""
        found = (self.rows_of(word) for word in words_of(text))
        return [rows for rows in found if len(rows)]

    def rows_of(self, word: str) -> npt.NDArray[np.int32]:
        """Returns the rows of a word's known features."""
        if not len(self.keys):
            return np.zeros(0, np.int32)
        keys = word_keys(word)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        rows: npt.NDArray[np.int32] = places[self.keys[places] == keys].astype(np.int32)
        return rows

    def matrix(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns the features of n texts as (n, features) sparse counts, float32."""
        indices: list[npt.NDArray[np.int32]] = []
        ends = [0]
        for text in texts:
            rows = self.rows(text)
            indices.extend(rows)
            ends.append(ends[-1] + sum(len(part) for part in rows))
        flat = np.concatenate(indices) if indices else np.zeros(0, np.int32)
        matrix = sparse.csr_matrix(
            (np.ones(len(flat), np.float32), flat, np.asarray(ends, np.int32)), shape=(len(texts), len(self.keys))
        )
        matrix.sum_duplicates()
        return matrix


def vocabulary_of(texts: Iterator[str] | Sequence[str], at_least: int, at_most: int | None = None) -> Vocabulary:
    """Returns the features that occur in enough texts.

    Args:
        texts: what the encoder is trained on.
        at_least: number of distinct words and texts (their product's features counted once a text) a feature needs.
        at_most: keep the most frequent ones only.
    """
    counts_of_word: dict[str, int] = {}
    for text in texts:
        for word in set(words_of(text)):
            counts_of_word[word] = counts_of_word.get(word, 0) + 1
    keys_of_words = [np.unique(word_keys(word)) for word in counts_of_word]
    if not keys_of_words:
        return Vocabulary(np.zeros(0, np.uint32))
    weights = np.repeat(list(counts_of_word.values()), [len(keys) for keys in keys_of_words])
    keys, places = np.unique(np.concatenate(keys_of_words), return_inverse=True)
    counts = np.bincount(places, weights=weights)
    kept = np.flatnonzero(counts >= at_least)
    if at_most is not None and len(kept) > at_most:
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:at_most]])
    return Vocabulary(keys[kept])
