"""Word and character n-grams of a text as a sparse TF-IDF vector, hashed so that no vocabulary has to be kept.

A text's vector is the sum of the vectors of its units: of what stands between two blanks, and of sequences of words. So
are its scores by a linear model: what each unit of characters adds to them is summed up once and remembered.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

from bot.pieces import LONGEST_PIECE, MOST_PIECES, OfPieces, Texts, split
from bot.remembered import Lists, Remembered

Hashed = TypeVar("Hashed", int, NDArray[Any])
"""One number of 32 bits, or many, in 64 that have room for a product of two."""

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
_TOKEN = re.compile(r"\b\w+\b")
_FEW = 8
"""So many texts or units are scored one by one: sparse products cost as much for one of them as for dozens."""
_SHORTEST = 1e-18
"""Squared length that an empty block is said to have, so that it stays empty."""
_NGRAMS_EACH = 50
"""So many n-grams are remembered for each piece: most have half as many, but some people type long ones."""


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


@dataclass(frozen=True)
class _Occurrences:
    """What is in some texts, or in some units, with a number each: units of characters, or columns of n-grams."""

    texts: int
    """How many texts there are."""
    of_text: NDArray[np.int32]
    """(m,) which text each is in; ascending."""
    numbers: NDArray[np.int32]
    """(m,)"""

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where each text ends among them, beginning with 0, (texts + 1,)."""
        return np.searchsorted(self.of_text, np.arange(self.texts + 1))

    def matrix(self, values: NDArray[np.float32], numbers: int) -> sparse.csr_matrix:
        """Returns the values (m,) as a matrix, (texts, numbers); those of the same text and number are not added up."""
        return sparse.csr_matrix((values, self.numbers, self.ends), (self.texts, numbers))

    def sums(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the sum of the values (m,) of each text, (texts,)."""
        return np.bincount(self.of_text, values, self.texts).astype(np.float32)


class _Units:
    """What texts are made of, as characters count: numbered, each with its n-grams."""

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

    def vectors(self, idf: NDArray[np.float32], first: int = 0) -> tuple[_Occurrences, NDArray[np.float32]]:
        """Returns the columns of the units from a number on, and their values: (1 + log(times)) x idf."""
        columns, ends = self._columns.since(first)
        times, _ = self._times.since(first)
        units = np.arange(len(ends) - 1, dtype=np.int32)
        values = (np.log(times) + np.float32(1)) * idf[columns]
        return _Occurrences(len(units), units.repeat(np.diff(ends)), columns.copy()), values


@dataclass(frozen=True)
class _Made:
    """What some texts are made of."""

    characters: _Occurrences
    """The units of characters."""
    words: tuple[_Occurrences, ...]
    """The columns of words and of sequences of words, by their length."""


class _Memory:
    """What pieces of texts, which stand between two blanks, have in them.

    Nothing that happens to a text before its n-grams are cut reaches over a blank, so those that lie in a piece are cut
    and hashed once. The hash of several words follows from those of the words.
    """

    def __init__(self, features: NgramFeatures) -> None:
        self._features = features
        self.characters = _Units()
        self.words = Lists[int]("I")
        """The hashes of the words of each piece."""
        self.pieces = Remembered(self._read)
        """Piece without its numbers -> its number, both as a unit of characters and among `words`."""
        self.numbers = OfPieces(lambda piece: self.pieces[_DIGITS.sub("0", piece)])

    def is_full(self, most: int) -> bool:
        """Tells whether more pieces are remembered than so many, or more n-grams than they should have."""
        return len(self.pieces) > most or self.characters.ngrams > _NGRAMS_EACH * most

    def _read(self, piece: str) -> int:
        words, columns = self._features.read(piece)
        self.words.add([_hash(word) for word in words])
        return self.characters.add(columns)


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
        self._most_remembered = MOST_PIECES
        self.idf: NDArray[np.float32] = np.zeros(buckets * (2 if self._lengths else 1), dtype=np.float32)

    def fit(self, texts: Texts) -> NgramFeatures:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns itself."""
        self._most_remembered = 10 * MOST_PIECES  # the same texts are transformed next
        counted = self._counted(texts, np.ones_like(self.idf))
        frequency = np.concatenate([np.bincount(block.indices, minlength=self.buckets) for block, _ in counted])
        self.idf = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
        # An n-gram that only one example has tells nothing about others, but would let the classifier memorise it.
        self.idf[frequency < 2] = 0.0
        return self

    def transform(self, texts: Texts) -> sparse.csr_matrix:
        """Returns the vectors of the texts.

        Args:
            texts: n texts.

        Returns:
            (n, buckets x blocks) float32, the columns of a row in no order.
        """
        blocks = []
        for block, squares in self._counted(texts, self.idf):
            block.data /= _lengths(squares).repeat(np.diff(block.indptr))
            blocks.append(block)
        return sparse.hstack(blocks, format="csr")

    def _counted(
        self, texts: Texts, idf: NDArray[np.float32]
    ) -> Iterator[tuple[sparse.csr_matrix, NDArray[np.float32]]]:
        """Yields, for each block, the weighted n-grams of n texts (n, buckets) and their squared lengths (n,)."""
        made, of_blocks = self.made_of(texts), self.blocks(idf)
        columns, values = self.characters.vectors(of_blocks[0])
        ones = np.ones(len(made.characters.numbers), dtype=np.float32)
        of_units = made.characters.matrix(ones, columns.texts)
        yield of_units @ columns.matrix(values, self.buckets), of_units @ columns.sums(values**2)
        if self._lengths:
            rows = np.concatenate([part.of_text for part in made.words])
            buckets = np.concatenate([part.numbers for part in made.words])
            weights = of_blocks[1][buckets]
            block = sparse.coo_matrix((weights, (rows, buckets)), (len(texts), self.buckets)).tocsr()
            yield block, np.bincount(rows, weights**2, len(texts)).astype(np.float32)

    def made_of(self, texts: Texts) -> _Made:
        """Returns what the texts are made of."""
        read, memory = split(texts), self._remembered()
        number = memory.numbers.at(read.pieces).__getitem__
        units = np.fromiter(map(number, chain.from_iterable(read.lists)), np.int32, len(read.of_text))
        words, lengths = memory.words.of(units)
        sequences = self._sequences(words.astype(np.uint64), read.of_text.repeat(lengths), len(read))
        return _Made(_Occurrences(len(read), read.of_text, units), tuple(sequences))

    def made_of_each(self, texts: Texts) -> Iterator[tuple[list[int], list[int]]]:
        """Yields what each text is made of: its units of characters, and the columns of its sequences of words.

        The same as `made_of` in plain numbers: arrays take several times as long for a single text.
        """
        read, memory = split(texts), self._remembered()
        number = memory.numbers.at(read.pieces)
        for pieces in read.lists:
            units = [number[piece] for piece in pieces]
            words = [word for unit in units for word in memory.words[unit]]
            hashes = words
            columns: list[int] = []
            for length in range(1, self._lengths.stop):
                if length > 1:
                    hashes = list(map(_joined, hashes, words[length - 1 :]))
                if length in self._lengths:
                    columns += map(self._column, hashes)
            yield units, columns

    def _remembered(self) -> _Memory:
        if self._memory.is_full(self._most_remembered):
            self._memory = _Memory(self)
        return self._memory

    def _sequences(self, words: NDArray[np.uint64], of_text: NDArray[np.int32], texts: int) -> Iterator[_Occurrences]:
        """Yields the columns of the sequences of words of some texts, for each length.

        Args:
            words: (m,) the hashes of all words, one text after the other.
            of_text: (m,) which text each of them is in.
            texts: how many texts there are.
        """
        hashes = words
        for length in range(1, self._lengths.stop):
            if length > 1:
                hashes = _joined(hashes[:-1], words[length - 1 :])
            if length in self._lengths:
                starts = np.flatnonzero(of_text[length - 1 :] == of_text[: len(hashes)])
                yield _Occurrences(texts, of_text[starts], self._columns(hashes[starts]))

    @property
    def characters(self) -> _Units:
        """The units of characters that texts were made of so far."""
        return self._memory.characters

    def forget(self) -> None:
        """Forgets what has been learned from, of which more is remembered than of messages."""
        self._most_remembered = MOST_PIECES
        self._memory = _Memory(self)

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
                column = self._column(reduce(_joined, map(_hash, words)))
                yield Ngram(" ".join(words), self.buckets + column, piece, True)

    def read(self, piece: str) -> tuple[list[str], list[int]]:
        """Returns the words of a piece of a text, which has no blank, and the buckets of its characters."""
        normal = normalise(piece)[:LONGEST_PIECE]
        columns = [abs(murmurhash3_32(ngram)) % self.buckets for ngram in self._cut_characters(normal)]
        return _TOKEN.findall(normal) if self._lengths else [], columns

    def bucket(self, ngram: str) -> int:
        """Returns the bucket of an n-gram, as scikit-learn's FeatureHasher has it."""
        return int(abs(murmurhash3_32(ngram))) % self.buckets

    def _column(self, hashed: int) -> int:
        """Returns the bucket of a hash: its absolute value as a signed number counts."""
        return min(hashed, 2**32 - hashed) % self.buckets

    def _columns(self, hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Returns the same of many."""
        return np.asarray(np.minimum(hashes, 2**32 - hashes) % self.buckets, dtype=np.int32)

    def _cut_characters(self, normal: str) -> list[str]:
        words = (fold_diacritics(normal)[:LONGEST_PIECE] if self._fold else normal).split()
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
        self._weights = features.blocks(weights[: len(features.idf)])
        self._idf = features.blocks(features.idf)
        self._table = _Table(self._weights[0], self._idf[0])

    def __call__(self, texts: Texts) -> NDArray[np.float32]:
        """Returns the scores of n texts, (n, labels): their vectors times the weights."""
        if len(texts) <= _FEW:
            each = list(self._features.made_of_each(texts))
            rows = self._table.rows(self._features.characters)
            found = [self._scores_of_one(rows, *made) for made in each]
            return np.array(found, dtype=np.float32).reshape(len(texts), self._weights.shape[2])
        made = self._features.made_of(texts)
        rows, units = self._table.rows(self._features.characters), made.characters
        sums = _sums(units, np.ones(len(units.numbers), dtype=np.float32), rows)
        scores = sums[:, :-1] / _lengths(sums[:, -1:])
        if made.words:
            values = [self._idf[1][part.numbers] for part in made.words]
            squares = np.sum([part.sums(value**2) for part, value in zip(made.words, values, strict=True)], axis=0)
            sums = np.sum([_sums(*part, self._weights[1]) for part in zip(made.words, values, strict=True)], axis=0)
            scores += sums / _lengths(squares)[:, None]
        return np.asarray(scores)

    def _scores_of_one(
        self, rows: NDArray[np.float32], units: Sequence[int], columns: Sequence[int]
    ) -> NDArray[np.float32]:
        scores = np.zeros(self._weights.shape[2], dtype=np.float32)
        if units:
            sums = rows[units].sum(axis=0)
            scores += sums[:-1] / np.float32(math.sqrt(max(sums[-1], _SHORTEST)))
        if columns:
            values = self._idf[1][columns]
            sums = values @ self._weights[1][columns]
            scores += sums / np.float32(math.sqrt(max(values @ values, _SHORTEST)))
        return scores


def _sums(found: _Occurrences, values: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns, for each text, the sum of the rows of the numbers in it, times the values, (texts, columns of a row)."""
    if found.texts > _FEW:
        return np.asarray(found.matrix(values, len(rows)) @ rows)
    sums = np.zeros((found.texts, rows.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(pairwise(found.ends.tolist())):
        if start < end:
            np.matmul(values[start:end], rows[found.numbers[start:end]], out=sums[row])
    return sums


class _Table:
    """What each unit of characters adds to the scores of a text."""

    def __init__(self, weights: NDArray[np.float32], idf: NDArray[np.float32]) -> None:
        self._weights = weights
        self._idf = idf
        self._units = _Units()
        self._filled = 0
        self._rows = np.zeros((256, weights.shape[1] + 1), dtype=np.float32)

    def rows(self, units: _Units) -> NDArray[np.float32]:
        """Returns a row for each unit: what it adds to the score of each label, and its squared length."""
        if units is not self._units:
            self._units, self._filled = units, 0
        if len(units) > len(self._rows):
            grown = np.zeros((max(len(units), 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float32)
            grown[: self._filled] = self._rows[: self._filled]
            self._rows = grown
        if len(units) > self._filled:
            columns, values = units.vectors(self._idf, self._filled)
            self._rows[self._filled : len(units), :-1] = _sums(columns, values, self._weights)
            self._rows[self._filled : len(units), -1] = columns.sums(values**2)
            self._filled = len(units)
        return self._rows[: self._filled]


def _lengths(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns what a block is divided by."""
    return np.asarray(np.sqrt(np.maximum(squares, np.float32(_SHORTEST))), dtype=np.float32)


def _hash(word: str) -> int:
    return int(murmurhash3_32(word, positive=True))


def _joined(first: Hashed, second: Hashed) -> Hashed:
    """Returns the hashes of sequences of words from those of their first words and those of their last ones."""
    mixed = (first * 2_654_435_761 + second) & 0xFFFFFFFF  # 2**32 by the golden ratio (Knuth)
    joined: Hashed = mixed ^ (mixed >> 16)  # so that the upper half counts, too
    return joined


def _without(ngrams: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Returns the n-grams less those that are counted elsewhere."""
    left = list(ngrams)
    for other in others:
        if other in left:
            left.remove(other)
    return left
