"""Word and character n-grams of a text as a sparse TF-IDF vector, hashed so that no vocabulary has to be kept.

A text's vector is the sum of the vectors of its units: of what stands between two blanks, and of sequences of words. So
are its scores by a linear model: what each unit adds to them is summed up once and remembered (`NgramScores`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

from bot.remembered import Lists, Remembered

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
_TOKEN = re.compile(r"\b\w+\b")
_FEW = 8
"""So many texts are scored one by one: the sparse products cost as much for one text as for dozens."""
_SHORTEST = 1e-18
"""Squared length that an empty block is said to have, so that it stays empty."""
_MOST_REMEMBERED = 100_000
"""Pieces of texts and sequences of words that are remembered."""
_NGRAMS_EACH = 50
"""So many n-grams are remembered for each of them: most pieces have half as many, but some people type long ones."""


def normalise(text: str) -> str:
    """Returns the text as the n-grams see it: compatibility-composed, lower case, numbers as `0`, single blanks."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_DIGITS.sub("0", text.lower()).split())


def _without_diacritics(code: int) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(char))


_PLAIN = Remembered(_without_diacritics)
_PLAIN.update({ord("ø"): "o", ord("æ"): "ae", ord("ß"): "ss"})


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


class _Units:
    """What texts are made of, as one block of the features sees it: numbered, each with its n-grams."""

    def __init__(self) -> None:
        self._columns = Lists[int]("i")
        self._times = Lists[float]("f")

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def ngrams(self) -> int:
        """How many n-grams all units have."""
        return self._columns.total

    def add(self, columns: Iterable[int]) -> int:
        """Adds a unit with the columns of its n-grams; returns its number."""
        times = Counter(columns)
        self._columns.add(times.keys())
        self._times.add(times.values())
        return len(self) - 1

    def vectors(self, idf: NDArray[np.float32], first: int = 0) -> sparse.csr_matrix:
        """Returns the vectors of the units from a number on, (units, n-grams): (1 + log(times)) x idf."""
        columns, ends = self._columns.since(first)
        times, _ = self._times.since(first)
        data = (np.log(times) + np.float32(1)) * idf[columns]
        return sparse.csr_matrix((data, columns, ends), (len(ends) - 1, len(idf)))


@dataclass(frozen=True)
class _Made:
    """What some texts are made of, as one block of the features sees it."""

    units: _Units
    texts: NDArray[np.int32]
    """(m,) for each unit in the texts, which text it is in; ascending."""
    numbers: NDArray[np.int32]
    """(m,) its number."""

    def matrix(self, texts: int) -> sparse.csr_matrix:
        """Returns how often each unit is in each text, (texts, units)."""
        ends = np.searchsorted(self.texts, np.arange(texts + 1))
        ones = np.ones(len(self.numbers), dtype=np.float32)
        return sparse.csr_matrix((ones, self.numbers, ends), (texts, len(self.units)))


class _Memory:
    """The units that texts were made of.

    Nothing that happens to a text before its n-grams are cut reaches over a blank, so the n-grams that lie in a piece,
    which stands between two blanks, are cut and hashed once. Those of several words are remembered by the words.
    """

    def __init__(self, features: NgramFeatures) -> None:
        self._features = features
        self.characters, self.words = _Units(), _Units()
        self.pieces = Remembered(self._read_piece)
        """Piece -> its number among the units of characters."""
        self.words_of_pieces = Lists[int]("i")
        """The words of each piece, by their numbers."""
        self.sequences = Remembered(self._read_sequence)
        """Word, or the numbers of several ones -> the number among the units of words."""
        self._names: list[str] = []

    def is_full(self, most: int) -> bool:
        """Tells whether more is remembered than so many pieces and sequences, or more n-grams than they should have."""
        return len(self.pieces) + len(self.sequences) > most or self.characters.ngrams > _NGRAMS_EACH * most

    def _read_piece(self, piece: str) -> int:
        without_number = _DIGITS.sub("0", piece)
        if without_number != piece:
            return self.pieces[without_number]
        words, columns = self._features.read(piece)
        self.words_of_pieces.add(list(map(self.sequences.__getitem__, words)))
        return self.characters.add(columns)

    def _read_sequence(self, sequence: str | tuple[int, ...]) -> int:
        words = [sequence] if isinstance(sequence, str) else [self._names[number] for number in sequence]
        self._names.append(" ".join(words))
        return self.words.add([self._features.bucket(self._names[-1])])


class NgramFeatures:
    """Hashed word 1-2-grams and character n-grams within word boundaries, weighted by TF-IDF.

    A text's vector is the sum of its units' vectors, in which an n-gram counts by (1 + log of how often it is there) x
    idf. Each of the two blocks, characters and words, is divided by the root of the sum of its units' squared lengths,
    so that neither outweighs the other in long texts: its length is 1, and a little more where units have n-grams in
    common. That is what lets scores be added up unit by unit. Characters are read without diacritics, words with them:
    a text typed without them still matches by its characters.

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
        self._lengths = range(words[0], words[1] + 1) if words[1] else range(0)
        self.buckets = buckets
        self._cut = CountVectorizer(analyzer="char_wb", ngram_range=tuple(characters), lowercase=False).build_analyzer()
        self._memory = _Memory(self)
        self._most_remembered = _MOST_REMEMBERED
        self.idf: NDArray[np.float32] = np.zeros(buckets * (2 if self._lengths else 1), dtype=np.float32)

    def fit(self, texts: Sequence[str]) -> NgramFeatures:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns itself."""
        self._most_remembered = 10 * _MOST_REMEMBERED  # the same texts are transformed next
        frequency = np.zeros_like(self.blocks(self.idf), dtype=np.int64)
        ones = np.ones(self.buckets, dtype=np.float32)
        for block, made in enumerate(self.units_of(texts)):
            found = made.matrix(len(texts)) @ made.units.vectors(ones)
            frequency[block] = np.bincount(found.indices, minlength=self.buckets)
        self.idf = (np.log((1 + len(texts)) / (1 + frequency.ravel())) + 1).astype(np.float32)
        # An n-gram that only one example has tells nothing about others, but would let the classifier memorise it.
        self.idf[frequency.ravel() < 2] = 0.0
        return self

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns the vectors of the texts.

        Args:
            texts: n texts.

        Returns:
            (n, buckets x blocks) float32, the columns of a row in no order.
        """
        blocks = []
        for made, idf in zip(self.units_of(texts), self.blocks(self.idf), strict=True):
            of_texts, vectors = made.matrix(len(texts)), made.units.vectors(idf)
            block = of_texts @ vectors
            block.data /= _lengths(of_texts @ _squares(vectors)).repeat(np.diff(block.indptr))
            blocks.append(block)
        return sparse.hstack(blocks, format="csr")

    def units_of_one(self, text: str) -> list[tuple[_Units, list[int]]]:
        """Returns what a text is made of, for each block: its units and their numbers in the text."""
        memory = self._remembered()
        pieces = [memory.pieces[piece] for piece in text.split()]
        made = [(memory.characters, pieces)]
        if self._lengths:
            words = [word for piece in pieces for word in memory.words_of_pieces[piece]]
            sequences = (
                zip(*(words[start:] for start in range(length)), strict=False) for length in self._lengths if length > 1
            )
            numbers = [memory.sequences[sequence] for sequence in chain.from_iterable(sequences)]
            made.append((memory.words, words + numbers if 1 in self._lengths else numbers))
        return made

    def units_of(self, texts: Sequence[str]) -> list[_Made]:
        """Returns what the texts are made of, for each block."""
        memory, pieces = self._remembered(), [text.split() for text in texts]
        found = np.fromiter(map(memory.pieces.__getitem__, chain.from_iterable(pieces)), dtype=np.int32)
        of_text = np.arange(len(texts), dtype=np.int32).repeat([len(each) for each in pieces])
        made = [_Made(memory.characters, of_text, found)]
        if self._lengths:
            words, lengths = memory.words_of_pieces.of(found)
            made.append(self._sequences_of(words, of_text.repeat(lengths)))
        return made

    def _remembered(self) -> _Memory:
        if self._memory.is_full(self._most_remembered):
            self._memory = _Memory(self)
        return self._memory

    def forget(self) -> None:
        """Forgets what has been learned from, of which more is remembered than of messages."""
        self._most_remembered = _MOST_REMEMBERED
        self._memory = _Memory(self)

    def _sequences_of(self, words: NDArray[np.int32], of_text: NDArray[np.int32]) -> _Made:
        """Returns the sequences of words of some texts.

        Args:
            words: (m,) the numbers of all words, one text after the other.
            of_text: (m,) which text each of them is in.
        """
        texts, numbers = [], []
        for length in self._lengths:
            last = len(words) - length + 1
            starts = np.flatnonzero(of_text[length - 1 :] == of_text[: max(0, last)])
            found = words[starts]
            if length > 1:
                sequences = zip(*(words[starts + place].tolist() for place in range(length)), strict=True)
                found = np.fromiter(map(self._memory.sequences.__getitem__, sequences), np.int32, len(starts))
            texts.append(of_text[starts])
            numbers.append(found)
        joined = np.concatenate(texts)
        order = np.argsort(joined, kind="stable")
        return _Made(self._memory.words, joined[order], np.concatenate(numbers)[order])

    def blocks(self, values: NDArray[Any]) -> NDArray[Any]:
        """Returns what belongs to the columns of each block, (blocks, buckets, ..)."""
        return values.reshape(-1, self.buckets, *values.shape[1:])

    def occurrences(self, text: str) -> Iterator[Ngram]:
        """Yields every n-gram of a text with its column: hashing forgets them, so they are looked up again."""
        pieces = normalise(text).split()
        for position, piece in enumerate(pieces):
            for ngram in self._cut_characters(piece):
                yield Ngram(ngram, self.bucket(ngram), piece, False)
            # A pair of words is counted with its first one.
            follower = next(filter(_TOKEN.search, pieces[position + 1 :]), "")
            alone = self._cut_words(_TOKEN.findall(follower))
            for words in _without(self._cut_words(_TOKEN.findall(f"{piece} {follower}")), alone):
                sequence = " ".join(words)
                yield Ngram(sequence, self.buckets + self.bucket(sequence), piece, True)

    def read(self, piece: str) -> tuple[list[str], list[int]]:
        """Returns the words of a piece of a text, which has no blank, and the buckets of its characters."""
        normal = normalise(piece)
        columns = [self.bucket(ngram) for ngram in self._cut_characters(normal)]
        return _TOKEN.findall(normal) if self._lengths else [], columns

    def bucket(self, ngram: str) -> int:
        """Returns the bucket of an n-gram, as scikit-learn's FeatureHasher has it."""
        return int(abs(murmurhash3_32(ngram)) % self.buckets)

    def _cut_characters(self, normal: str) -> list[str]:
        words = (fold_diacritics(normal) if self._fold else normal).split()
        return [ngram for word in words for ngram in self._cut(word)]

    def _cut_words(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        return [
            ngram
            for length in self._lengths
            for ngram in zip(*(words[start:] for start in range(length)), strict=False)
        ]


class NgramScores:
    """Scores of texts by a linear model over their n-grams, to which each unit adds a part that is summed up once.

    Args:
        features: the n-grams, fitted.
        weights: (features or more, labels) the model's weights; what is behind the features is no n-gram's.
    """

    def __init__(self, features: NgramFeatures, weights: NDArray[np.float32]) -> None:
        self._features = features
        self._labels = weights.shape[1]
        own = features.blocks(weights[: len(features.idf)])
        self._tables = [_Table(*block) for block in zip(own, features.blocks(features.idf), strict=True)]

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns the scores of n texts, (n, labels): their vectors times the weights."""
        if len(texts) <= _FEW:
            scores = [self._scores_of_one(text) for text in texts]
            return np.array(scores, dtype=np.float32).reshape(len(texts), self._labels)
        made = self._features.units_of(texts)
        parts = [table.scores(one, len(texts)) for table, one in zip(self._tables, made, strict=True)]
        return np.asarray(np.sum(parts, axis=0))

    def _scores_of_one(self, text: str) -> NDArray[np.float32]:
        made = self._features.units_of_one(text)
        parts = [table.scores_of_one(*one) for table, one in zip(self._tables, made, strict=True)]
        return parts[0] + parts[1] if len(parts) > 1 else parts[0]


class _Table:
    """What each unit of a block adds to the scores of a text."""

    def __init__(self, weights: NDArray[np.float32], idf: NDArray[np.float32]) -> None:
        self._weights = weights
        self._idf = idf
        self._units = _Units()
        self._filled = 0
        # One row a unit: what it adds to the score of each label, and, in the last column, its squared length.
        self._rows = np.zeros((256, weights.shape[1] + 1), dtype=np.float32)

    def scores(self, made: _Made, texts: int) -> NDArray[np.float32]:
        """Returns the block's part of the scores of some texts, (texts, labels)."""
        self._fill(made.units)
        sums = made.matrix(texts) @ self._rows[: self._filled]
        return np.asarray(sums[:, :-1] / _lengths(sums[:, -1:]))

    def scores_of_one(self, units: _Units, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Returns the block's part of the scores of a text, (labels,)."""
        self._fill(units)
        if not numbers:
            return np.zeros(self._weights.shape[1], dtype=np.float32)
        sums = self._rows[numbers].sum(axis=0)
        return np.asarray(sums[:-1] / np.float32(math.sqrt(max(sums[-1], _SHORTEST))))

    def _fill(self, units: _Units) -> None:
        if units is not self._units:
            self._units, self._filled = units, 0
        if len(units) > len(self._rows):
            grown = np.zeros((max(len(units), 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            grown[: self._filled] = self._rows[: self._filled]
            self._rows = grown
        if len(units) > self._filled:
            vectors = units.vectors(self._idf, self._filled)
            self._rows[self._filled : len(units), :-1] = vectors @ self._weights
            self._rows[self._filled : len(units), -1] = _squares(vectors)
            self._filled = len(units)


def _squares(vectors: sparse.csr_matrix) -> NDArray[np.float32]:
    """Returns the squared length of each vector."""
    return np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float32).ravel()


def _lengths(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns what a block is divided by."""
    return np.asarray(np.sqrt(np.maximum(squares, np.float32(_SHORTEST))), dtype=np.float32)


def _without(ngrams: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Returns the n-grams less those that are counted elsewhere."""
    left = list(ngrams)
    for other in others:
        if other in left:
            left.remove(other)
    return left
