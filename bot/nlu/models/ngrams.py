"""Word and character n-grams of texts as TF-IDF vectors, hashed so that no vocabulary has to be kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils import murmurhash3_32

from bot.encoder.sentences import Floats
from bot.text.characters import fold_diacritics

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
Lengths: TypeAlias = tuple[int, int]
"""Lengths of the shortest and of the longest n-grams."""
_Kind: TypeAlias = tuple[int, Lengths, Lengths, bool]
"""The arguments of `NgramFeatures`."""
_LONGEST_TEXT = 4000
"""Characters that are read of a text; one character may become eighteen when it is normalised."""


def normalise(text: str) -> str:
    """Returns the text as the n-grams see it: compatibility-composed, lower case, numbers as `0`, single blanks."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_DIGITS.sub("0", text.lower()).split())[:_LONGEST_TEXT]


@lru_cache(maxsize=8)
def _vectorizers(buckets: int, characters: Lengths, words: Lengths, fold: bool) -> list[HashingVectorizer]:
    """Returns what counts the n-grams of characters and of words; arguments as for `NgramFeatures`."""
    preprocessor = fold_diacritics if fold else None
    options = {"n_features": buckets, "alternate_sign": False, "norm": None, "dtype": np.float32, "lowercase": False}
    return [
        HashingVectorizer(analyzer="char_wb", ngram_range=characters, preprocessor=preprocessor, **options),
        HashingVectorizer(ngram_range=words, token_pattern=r"\b\w+\b", **options),
    ]


def _counts(texts: Sequence[str], kind: _Kind) -> list[sparse.csr_matrix]:
    """Returns how often texts have each n-gram of characters and of words.

    N-grams of characters lie within words. So each different word is cut once: a third of the time for many texts.
    """
    characters, words = _vectorizers(*kind)
    normal = [normalise(text) for text in texts]
    if len(texts) == 1:
        return [characters.transform(normal), words.transform(normal)]
    split = [text.split() for text in normal]
    numbers = {"": 0}  # so that there is a word, whatever the texts are
    columns = [numbers.setdefault(word, len(numbers)) for text in split for word in text]
    ends = np.cumsum([0, *map(len, split)])
    has_words = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(texts), len(numbers)))
    return [has_words @ characters.transform(numbers), words.transform(normal)]


@lru_cache(maxsize=4)
def _counts_of_message(text: str, kind: _Kind) -> list[sparse.csr_matrix]:
    """Returns the counts of a message; all models that have as many buckets ask for the same, one after the other."""
    return _counts([text], kind)


@dataclass(frozen=True)
class Ngram:
    """One occurrence of an n-gram in a text."""

    text: str
    """Text as the n-grams see it; blanks at its ends are the bounds of a word."""
    column: int
    """Its column among the features."""
    word: str
    """The word of the text, normalised, that it lies in; for several words, the first one."""


class NgramFeatures:
    """Hashed word n-grams and character n-grams within word bounds, weighted by TF-IDF.

    An n-gram counts by (1 + log of how often the text has it) x idf; each of the two blocks, characters and words, is
    brought to unit length, so that neither outweighs the other in long texts. Characters are read without diacritics,
    words with them: a text typed without them still matches by its characters.

    Args:
        buckets: number of hash buckets of each block.
        characters: shortest and longest character n-gram.
        words: shortest and longest word n-gram.
        fold: whether characters are read without diacritics.
    """

    idf: Floats
    """Fitted or loaded."""

    def __init__(
        self, buckets: int = 2**17, characters: Lengths = (2, 5), words: Lengths = (1, 2), fold: bool = True
    ) -> None:
        self.buckets = buckets
        self._kind = (buckets, characters, words, fold)

    def fit_transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns the vectors of the texts."""
        counted = _counts(texts, self._kind)
        frequency = np.concatenate([np.bincount(counts.indices, minlength=self.buckets) for counts in counted])
        self.idf = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
        # An n-gram that only one example has tells nothing about others, but would let the classifier memorise it.
        self.idf[frequency < 2] = 0.0
        return self._weighted(counted)

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns the vectors of the texts.

        Args:
            texts: n texts.

        Returns:
            (n, buckets x blocks) float32.
        """
        if not texts:
            return sparse.csr_matrix((0, len(self.idf)), dtype=np.float32)
        if len(texts) == 1:
            return self._of_message(texts[0])
        return self._weighted(_counts(texts, self._kind))

    def _of_message(self, text: str) -> sparse.csr_matrix:
        """Returns what `_weighted` does, for a single text in a quarter of the time."""
        weights, columns = [], []
        counted = _counts_of_message(text, self._kind)
        for number, (counts, idf) in enumerate(zip(counted, self.idf.reshape(len(counted), -1), strict=True)):
            weighted = (np.log(counts.data) + np.float32(1)) * idf[counts.indices]
            weights.append(weighted / (np.linalg.norm(weighted) or np.float32(1)))
            columns.append(counts.indices + number * self.buckets)
        joined = np.concatenate(columns)
        return sparse.csr_matrix((np.concatenate(weights), joined, [0, len(joined)]), (1, len(self.idf)))

    def _weighted(self, counted: Sequence[sparse.csr_matrix]) -> sparse.csr_matrix:
        blocks = []
        for counts, idf in zip(counted, self.idf.reshape(len(counted), -1), strict=True):
            counts.data = (np.log(counts.data) + np.float32(1)) * idf[counts.indices]
            blocks.append(normalize(counts, copy=False))
        return sparse.hstack(blocks, format="csr")

    def occurrences(self, text: str) -> Iterator[Ngram]:
        """Yields every n-gram of a text with its column: hashing forgets them, so they are looked up again."""
        in_words, of_words = (block.build_analyzer() for block in _vectorizers(*self._kind))
        normal = normalise(text)
        for word in normal.split():
            for ngram in in_words(word):
                yield Ngram(ngram, self._column(ngram), word)
        for ngram in of_words(normal):
            yield Ngram(ngram, self.buckets + self._column(ngram), ngram.split()[0])

    def _column(self, ngram: str) -> int:
        """Returns the bucket of an n-gram, as scikit-learn's FeatureHasher has it."""
        return int(abs(murmurhash3_32(ngram))) % self.buckets
