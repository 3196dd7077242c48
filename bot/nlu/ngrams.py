"""Word and character n-grams of a text as a sparse TF-IDF vector, hashed so that no vocabulary has to be kept."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
_TOKEN = re.compile(r"\b\w+\b")
_AT_ONCE = 4096
"""Texts whose n-grams are sorted together: more take longer and more memory, not less."""
_MOST_REMEMBERED = 50_000
"""Words, tokens and pairs of tokens whose columns are remembered, of each kind."""


def normalise(text: str) -> str:
    """Returns the text as the n-grams see it: compatibility-composed, lower case, numbers as `0`, single blanks."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_DIGITS.sub("0", text.lower()).split())


class _Plain(dict[int, str]):
    """Character -> what is left of it without diacritics, found when first needed."""

    def __missing__(self, code: int) -> str:
        plain = "".join(char for char in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(char))
        self[code] = plain
        return plain


_PLAIN = _Plain({ord("ø"): "o", ord("æ"): "ae", ord("ß"): "ss"})


def fold_diacritics(text: str) -> str:
    """Returns the text without diacritics, as many type on a foreign keyboard (`för` -> `for`)."""
    return text if text.isascii() else text.translate(_PLAIN)


@dataclass(frozen=True)
class Ngram:
    """One occurrence of an n-gram in a text."""

    text: str
    """As the n-grams see it; blanks at its ends are the bounds of a word."""
    column: int
    """Its column among the features."""
    word: str
    """The word of the text, normalised, that it lies in; for several words, the first one."""
    is_word: bool
    """Whether it is made of words, not of characters."""


class _Units(dict[str, int]):
    """What texts of one block are made of (words with bounds, tokens, pairs of tokens), each with its n-grams' columns.

    Texts repeat words, so that each word's n-grams are cut and hashed once; what was longest remembered is not kept
    apart: all is forgotten at once when there is too much of it.
    """

    def __init__(self, ngrams: Callable[[str], Sequence[str]], buckets: int) -> None:
        super().__init__()
        self.ngrams = ngrams
        self.buckets = buckets
        self._columns = array("i")
        self._ends = array("q", [0])

    def __missing__(self, unit: str) -> int:
        self._columns.extend(map(self.column, self.ngrams(unit)))
        self._ends.append(len(self._columns))
        self[unit] = number = len(self)
        return number

    def column(self, ngram: str) -> int:
        """Returns the column of an n-gram, as scikit-learn's FeatureHasher has it."""
        return int(abs(murmurhash3_32(ngram)) % self.buckets)

    def columns_of(self, texts: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Returns the n-grams of n texts, one after the other, as often as they occur.

        Args:
            texts: the units of each text.

        Returns:
            Which text each n-gram is in, and its column.
        """
        if len(self) > _MOST_REMEMBERED:
            self.clear()
            self._columns, self._ends = array("i"), array("q", [0])
        numbers = np.fromiter(map(self.__getitem__, chain.from_iterable(texts)), dtype=np.int64)
        of_text = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        ends, columns = np.frombuffer(self._ends, dtype=np.int64), np.frombuffer(self._columns, dtype=np.int32)
        starts, lengths = ends[numbers], ends[numbers + 1] - ends[numbers]
        before = lengths.cumsum() - lengths
        places = np.arange(lengths.sum()) + (starts - before).repeat(lengths)
        rows = np.arange(len(texts)).repeat(of_text).repeat(lengths)
        return rows, columns[places]


class NgramFeatures:
    """Hashed word 1-2-grams and character n-grams within word boundaries, weighted by sublinear TF-IDF.

    Each of the two blocks has unit length, so that neither outweighs the other in long texts. Characters are read
    without diacritics, words with them: a text typed without them still matches by its characters.

    Args:
        buckets: number of hash buckets of each block; a power of two.
        characters: shortest and longest character n-gram.
        words: shortest and longest word n-gram; (0, 0) leaves words out.
        fold: whether characters are read without diacritics.
    """

    def __init__(
        self,
        buckets: int = 2**17,
        characters: tuple[int, int] = (2, 5),
        words: tuple[int, int] = (1, 2),
        fold: bool = True,
    ) -> None:
        self._fold = fold
        self._words = words
        cutter = CountVectorizer(analyzer="char_wb", ngram_range=tuple(characters), lowercase=False)
        self._blocks = [_Units(cutter.build_analyzer(), buckets)]
        if words[1]:
            self._blocks.append(_Units(lambda unit: [unit], buckets))
        self.idf: NDArray[np.float32] = np.zeros(buckets * len(self._blocks), dtype=np.float32)

    def fit(self, texts: Sequence[str]) -> NgramFeatures:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns itself."""
        frequency = np.zeros(len(self.idf), dtype=np.int64)
        for start in range(0, len(texts), _AT_ONCE):
            _, columns, _ = self._counts(texts[start : start + _AT_ONCE])
            frequency += np.bincount(columns, minlength=len(frequency))
        self.idf = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
        # An n-gram that only one example has tells nothing about others, but would let the classifier memorise it.
        self.idf[frequency < 2] = 0.0
        return self

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns the vectors of the texts.

        Args:
            texts: n texts.

        Returns:
            (n, buckets x blocks) float32; each block of a row has unit length, or is empty.
        """
        if len(texts) > _AT_ONCE:
            parts = [self.transform(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
            return sparse.vstack(parts, format="csr")
        rows, columns, counts = self._counts(texts)
        data = np.log(counts.astype(np.float32))
        data += 1.0
        data *= self.idf[columns]
        # One number for each block of each row.
        owners = rows * len(self._blocks) + columns // self._blocks[0].buckets
        length = np.sqrt(np.bincount(owners, weights=data**2, minlength=1)).astype(np.float32)
        data /= np.maximum(length[owners], 1e-9)
        bounds = np.searchsorted(rows, np.arange(len(texts) + 1))
        return sparse.csr_matrix((data, columns, bounds), shape=(len(texts), len(self.idf)))

    def occurrences(self, text: str) -> Iterator[Ngram]:
        """Yields every n-gram of a text with its column: hashing forgets them, so they are looked up again."""
        start = 0
        for is_word, block in enumerate(self._blocks):
            words = normalise(text).split()
            for position, word in enumerate(words):
                # A pair of words is counted with its first one.
                follower = words[position + 1 : position + 2] if is_word else []
                alone = self._ngrams(" ".join(follower), bool(is_word))
                for ngram in _without(self._ngrams(" ".join([word, *follower]), bool(is_word)), alone):
                    yield Ngram(ngram, start + block.column(ngram), word, bool(is_word))
            start += block.buckets

    def _ngrams(self, text: str, are_words: bool) -> list[str]:
        """Returns the n-grams of a normalised text."""
        return [ngram for unit in self._units(text)[are_words] for ngram in self._blocks[are_words].ngrams(unit)]

    def _units(self, normal: str) -> tuple[Sequence[str], Sequence[str]]:
        """Returns what a normalised text is made of: for the characters its words, for the words their n-grams."""
        tokens = _TOKEN.findall(normal) if self._words[1] else []
        shortest, longest = self._words
        units = list(tokens) if shortest == 1 else []
        for length in range(max(2, shortest), longest + 1):
            units.extend(map(" ".join, zip(*(tokens[start:] for start in range(length)), strict=False)))
        return (fold_diacritics(normal) if self._fold else normal).split(), units

    def _counts(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """Counts the n-grams of texts.

        Returns:
            Of each n-gram of each text: which text, its column among all features, how often it occurs; in that order.
        """
        width = len(self.idf)
        units = [self._units(normalise(text)) for text in texts]
        places = []
        for kind, block in enumerate(self._blocks):
            rows, columns = block.columns_of([of_text[kind] for of_text in units])
            places.append(rows * width + (columns + kind * block.buckets))
        found, counts = np.unique(np.concatenate(places), return_counts=True)
        return found // width, (found % width).astype(np.int32), counts


def _without(ngrams: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the n-grams less those that are counted elsewhere."""
    left = list(ngrams)
    for other in others:
        if other in left:
            left.remove(other)
    return left
