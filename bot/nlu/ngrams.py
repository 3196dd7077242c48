"""Word and character n-grams of a text as a sparse TF-IDF vector, hashed so that no vocabulary has to be kept."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

from bot.remembered import Key, Remembered

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
_TOKEN = re.compile(r"\b\w+\b")
_AT_ONCE = 4096
"""Texts whose n-grams are counted together: more take more memory and are not faster."""
_FEW_UNITS = 1000
"""So many units are counted by sorting: the sparse product costs as much for one text as for hundreds."""
_MOST_REMEMBERED = 100_000
"""Pieces of texts, and sequences of words, whose n-grams are remembered."""


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


class _Lists:
    """Lists of whole numbers, one after the other in one array; only added to."""

    def __init__(self) -> None:
        self.values = array("i")
        self.ends = array("i", [0])

    def __len__(self) -> int:
        return len(self.ends) - 1

    def add(self, values: Iterable[int]) -> None:
        """Adds a list."""
        self.values.extend(values)
        self.ends.append(len(self.values))

    def of(self, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Returns the values of some lists, one after the other, and how many each of them has."""
        ends, values = _view(self.ends), _view(self.values)
        starts = ends[numbers]
        lengths = ends[numbers + 1] - starts
        before = lengths.cumsum() - lengths
        return values[np.arange(lengths.sum()) + (starts - before).repeat(lengths)], lengths


def _view(values: array[int]) -> NDArray[np.int32]:
    """Returns an array that shares its memory; it must be gone before anything is added."""
    return np.frombuffer(values, dtype=np.int32)


def _numbered(values: MutableSequence[Key]) -> Remembered[Key, int]:
    """Returns value -> its place among some values, at whose end it is put when it is first asked for."""

    def place(value: Key) -> int:
        values.append(value)
        return len(values) - 1

    return Remembered(place)


class _Memory:
    """What texts are made of, each with its columns: pieces, which stand between two blanks, and sequences of words.

    Nothing that happens to a text before its n-grams are cut reaches over a blank, so the n-grams that lie in a piece
    are cut and hashed once. Those of several words are remembered by the words. Pieces and sequences are numbered
    together, as units.
    """

    def __init__(self, features: NgramFeatures) -> None:
        self._features = features
        self.pieces = Remembered(self._read_piece)
        self.sequences = Remembered(self._read_sequence)
        self.words = _Lists()
        """The words of each piece, by number; sequences have none."""
        self.units = _Lists()
        """The columns of each unit, by their places."""
        self.columns = array("i")
        """The column at each place: as they come, so that frequent ones lie together."""
        self._places = _numbered(self.columns)
        self._names: list[str] = []
        self._name_numbers = _numbered(self._names)

    def __len__(self) -> int:
        return len(self.pieces) + len(self.sequences)

    def _read_piece(self, piece: str) -> int:
        without_number = _DIGITS.sub("0", piece)
        if without_number != piece:
            return self.pieces[without_number]
        words, columns = self._features.read(piece)
        self.words.add(map(self._name_numbers.__getitem__, words))
        return self._add(columns)

    def _read_sequence(self, numbers: tuple[int, ...]) -> int:
        self.words.add(())
        return self._add([self._features.column_of_words([self._names[number] for number in numbers])])

    def _add(self, columns: Iterable[int]) -> int:
        self.units.add(map(self._places.__getitem__, columns))
        return len(self.units) - 1


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
        self._lengths = range(words[0], words[1] + 1) if words[1] else range(0)
        self._buckets = buckets
        self._cut = CountVectorizer(analyzer="char_wb", ngram_range=tuple(characters), lowercase=False).build_analyzer()
        self._memory = _Memory(self)
        self._most_remembered = _MOST_REMEMBERED
        self.idf: NDArray[np.float32] = np.zeros(buckets * (2 if self._lengths else 1), dtype=np.float32)

    def fit(self, texts: Sequence[str]) -> NgramFeatures:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns itself."""
        self._most_remembered = 10 * _MOST_REMEMBERED  # the same texts are transformed next
        frequency = np.zeros(len(self.idf), dtype=np.int64)
        for start in range(0, len(texts), _AT_ONCE):
            frequency += np.bincount(self._counts(texts[start : start + _AT_ONCE]).indices, minlength=len(frequency))
        self.idf = (np.log((1 + len(texts)) / (1 + frequency)) + 1).astype(np.float32)
        # An n-gram that only one example has tells nothing about others, but would let the classifier memorise it.
        self.idf[frequency < 2] = 0.0
        return self

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns the vectors of the texts.

        Args:
            texts: n texts.

        Returns:
            (n, buckets x blocks) float32, the columns of a row in no order; each block of a row has unit length, or is
            empty.
        """
        if len(texts) > _AT_ONCE:
            parts = [self.transform(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
            return sparse.vstack(parts, format="csr")
        vectors = self._counts(texts)
        columns, data = vectors.indices, vectors.data
        np.log(data, out=data)
        data += 1.0
        data *= self.idf[columns]
        # One number for each block of each row.
        owners = np.arange(0, 2 * len(texts), 2).repeat(np.diff(vectors.indptr)) + (columns >= self._buckets)
        length = np.sqrt(np.bincount(owners, weights=data**2, minlength=1)).astype(np.float32)
        data /= np.maximum(length[owners], 1e-9)
        return vectors

    def occurrences(self, text: str) -> Iterator[Ngram]:
        """Yields every n-gram of a text with its column: hashing forgets them, so they are looked up again."""
        pieces = normalise(text).split()
        for position, piece in enumerate(pieces):
            for ngram in self._cut_characters(piece):
                yield Ngram(ngram, self._hash(ngram), piece, False)
            # A pair of words is counted with its first one.
            follower = " ".join(pieces[position + 1 : position + 2])
            alone = self._cut_words(_TOKEN.findall(follower))
            for words in _without(self._cut_words(_TOKEN.findall(f"{piece} {follower}")), alone):
                yield Ngram(" ".join(words), self.column_of_words(words), piece, True)

    def read(self, piece: str) -> tuple[list[str], list[int]]:
        """Returns the words of a piece of a text, which has no blank, and the columns of all n-grams that lie in it."""
        normal = normalise(piece)
        columns = [self._hash(ngram) for ngram in self._cut_characters(normal)]
        words = _TOKEN.findall(normal) if self._lengths else []
        if 1 in self._lengths:
            columns.extend(self.column_of_words([word]) for word in words)
        return words, columns

    def column_of_words(self, words: Sequence[str]) -> int:
        """Returns the column of an n-gram of words."""
        return self._buckets + self._hash(" ".join(words))

    def _hash(self, ngram: str) -> int:
        """Returns the bucket of an n-gram, as scikit-learn's FeatureHasher has it."""
        return int(abs(murmurhash3_32(ngram)) % self._buckets)

    def _cut_characters(self, normal: str) -> list[str]:
        words = (fold_diacritics(normal) if self._fold else normal).split()
        return [ngram for word in words for ngram in self._cut(word)]

    def _cut_words(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        return [
            ngram
            for length in self._lengths
            for ngram in zip(*(words[start:] for start in range(length)), strict=False)
        ]

    def _counts(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Returns how often each n-gram occurs in each text: the units of the texts times the columns of the units."""
        if len(self._memory) > self._most_remembered:
            self._memory = _Memory(self)
        memory, shape = self._memory, (len(texts), len(self.idf))
        rows, numbers = self._units_of(texts)
        if len(numbers) <= _FEW_UNITS:
            places, lengths = memory.units.of(numbers)
            found = rows.repeat(lengths) * np.int64(shape[1]) + _view(memory.columns)[places]
            found, times = np.unique(found, return_counts=True)
            bounds = np.searchsorted(found, np.arange(len(texts) + 1) * shape[1])
            return sparse.csr_matrix((times.astype(np.float32), (found % shape[1]).astype(np.int32), bounds), shape)
        bounds = np.searchsorted(rows, np.arange(len(texts) + 1))
        ones = np.ones(max(len(numbers), len(memory.units.values)), dtype=np.float32)
        of_texts = sparse.csr_matrix((ones[: len(numbers)], numbers, bounds), (len(texts), len(memory.units)))
        values, ends = _view(memory.units.values), _view(memory.units.ends)
        of_units = sparse.csr_matrix((ones[: len(values)], values, ends), (len(memory.units), len(memory.columns)))
        counts = of_texts @ of_units
        return sparse.csr_matrix((counts.data, _view(memory.columns)[counts.indices], counts.indptr), shape)

    def _units_of(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Returns of all units of texts, one text after the other, which text it is in, and its number."""
        memory, pieces = self._memory, [text.split() for text in texts]
        found = np.fromiter(map(memory.pieces.__getitem__, chain.from_iterable(pieces)), dtype=np.int32)
        of_text = np.arange(len(texts), dtype=np.int32).repeat([len(each) for each in pieces])
        words, lengths = memory.words.of(found)
        of_word = of_text.repeat(lengths)
        rows, numbers = [of_text], [found]
        for length in self._lengths:
            if length > 1:
                last = len(words) - length + 1
                starts = np.flatnonzero(of_word[length - 1 :] == of_word[: max(0, last)])
                sequences = zip(*(words[starts + place].tolist() for place in range(length)), strict=True)
                rows.append(of_word[starts])
                numbers.append(np.fromiter(map(memory.sequences.__getitem__, sequences), np.int32, len(starts)))
        joined = np.concatenate(rows)
        order = np.argsort(joined, kind="stable")
        return joined[order], np.concatenate(numbers)[order]


def _without(ngrams: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Returns the n-grams less those that are counted elsewhere."""
    left = list(ngrams)
    for other in others:
        if other in left:
            left.remove(other)
    return left
