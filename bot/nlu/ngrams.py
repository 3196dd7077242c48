"""Word and character n-grams of a text as a sparse TF-IDF vector, hashed so that no vocabulary has to be kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_DIGITS = re.compile(r"\d+")
_BLANKS = re.compile(r"\s+")


def normalise(text: str) -> str:
    """Returns the text as the n-grams see it: compatibility-composed, lower case, numbers as `0`, single blanks."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower()
    return _BLANKS.sub(" ", _DIGITS.sub("0", text)).strip()


def fold_diacritics(text: str) -> str:
    """Returns the text without diacritics, as many type on a foreign keyboard (`för` -> `for`)."""
    text = text.replace("ø", "o").replace("æ", "ae").replace("ß", "ss")
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


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
        self._vectorizers = [
            HashingVectorizer(
                analyzer="char_wb",
                ngram_range=tuple(characters),
                n_features=buckets,
                norm=None,
                alternate_sign=False,
                lowercase=False,
                dtype=np.float32,
            )
        ]
        if words[1]:
            self._vectorizers.append(
                HashingVectorizer(
                    analyzer="word",
                    ngram_range=tuple(words),
                    token_pattern=r"(?u)\b\w+\b",
                    n_features=buckets,
                    norm=None,
                    alternate_sign=False,
                    lowercase=False,
                    dtype=np.float32,
                )
            )
        self.idf: NDArray[np.float32] = np.zeros(buckets * len(self._vectorizers), dtype=np.float32)

    def fit(self, texts: Sequence[str]) -> NgramFeatures:
        """Learns how rare each n-gram is (smoothed inverse document frequency); returns itself."""
        counts = sparse.hstack(self._counts(texts), format="csc")
        frequency = np.diff(counts.indptr)
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
        blocks = []
        start = 0
        for block in self._counts(texts):
            np.log(block.data, out=block.data)
            block.data += 1.0
            block.data *= self.idf[start + block.indices]
            start += block.shape[1]
            rows = np.repeat(np.arange(len(texts)), np.diff(block.indptr))
            length = np.sqrt(np.bincount(rows, weights=block.data**2, minlength=len(texts))).astype(np.float32)
            block.data /= np.maximum(length[rows], 1e-9)
            blocks.append(block)
        return sparse.hstack(blocks, format="csr") if len(blocks) > 1 else blocks[0]

    def occurrences(self, text: str) -> Iterator[Ngram]:
        """Yields every n-gram of a text with its column: hashing forgets them, so they are looked up again."""
        start = 0
        for block, vectorizer in enumerate(self._vectorizers):
            analyze, hasher = vectorizer.build_analyzer(), FeatureHasher(vectorizer.n_features, input_type="string")
            words = normalise(text).split()
            for position, word in enumerate(words):
                # A pair of words is counted with its first one.
                follower = words[position + 1 : position + 2] if block else []
                read = word if block or not self._fold else fold_diacritics(word)
                alone = analyze(" ".join(follower))
                for ngram in _without(analyze(" ".join([read, *follower])), alone):
                    yield Ngram(ngram, start + int(hasher.transform([[ngram]]).indices[0]), word, bool(block))
            start += vectorizer.n_features

    def _counts(self, texts: Sequence[str]) -> list[sparse.csr_matrix]:
        normal = [normalise(text) for text in texts]
        folded = [fold_diacritics(text) for text in normal] if self._fold else normal
        return [
            vectorizer.transform(variant)
            for vectorizer, variant in zip(self._vectorizers, (folded, normal), strict=False)
        ]


def _without(ngrams: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the n-grams less those that are counted elsewhere."""
    left = list(ngrams)
    for other in others:
        if other in left:
            left.remove(other)
    return left
