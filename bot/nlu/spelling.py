"""Mends single typing errors: a word that no phrase has becomes the known word that is one error away."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.nlu.ngrams import fold_diacritics, normalise
from bot.pieces import OfPieces, Split, Texts, split

_WORD = re.compile(r"[^\W\d_]+")

SHORTEST = 5
"""Letters of the shortest word that is mended; among shorter ones nearly every error makes another word."""
LONGEST = 40
"""Letters of the longest word that is mended: a word is looked up once for each of its letters."""
OCCURRENCES = 3
"""Phrases in which a word must occur to be put in another's place."""
_WORDS = 2**32
"""Two counts in one number, that they can be added up together: so many unknown words no text has."""


class Spelling:
    """Looks unknown words up among the words of the training phrases, at most one error away.

    An error is a letter too few, too many, wrong, or two neighbours swapped (Damerau 1964). The index holds each known
    word under itself and under all strings that lack one of its letters (symmetric deletes, W. Garbe's SymSpell), as
    sorted hashes: no dictionary has to be built when a model is loaded. Words are compared without diacritics.

    Args:
        known: hashes of all words that are left as they are, ascending.
        words: the words that may take another's place, most frequent first.
        keys: hashes of these words and of their deletes, ascending.
        owners: for each of `keys` the number of its word.
    """

    def __init__(
        self, known: NDArray[np.uint32], words: Sequence[str], keys: NDArray[np.uint32], owners: NDArray[np.int32]
    ) -> None:
        self._known = known
        self._words = words
        self._keys = keys
        self._owners = owners
        self._counted = OfPieces(self._count)
        self._mended = OfPieces(self._mend_piece)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Spelling:
        """Learns the words of the training phrases."""
        counts = Counter(word for text in texts for word in set(_WORD.findall(fold_diacritics(normalise(text)))))
        words = [word for word, count in counts.most_common() if count >= OCCURRENCES and len(word) >= SHORTEST - 1]
        entries = sorted((_hash(key), number) for number, word in enumerate(words) for key in (word, *_deletes(word)))
        return cls(
            np.array(sorted(_hash(word) for word in counts), dtype=np.uint32),
            words,
            np.array([key for key, _ in entries], dtype=np.uint32),
            np.array([number for _, number in entries], dtype=np.int32),
        )

    def mend(self, text: str) -> str:
        """Returns the text with its unknown words mended; all else, and what has no neighbour, stays as it is.

        Where most words are unknown it is another language and not a slip: such a text stays as it is, too.
        """
        read = split([text])
        mended, changed, _ = self.read(read)
        if not changed:
            return text
        pieces = zip(text.split(), read.lists[0], mended.lists[0], strict=True)
        return " ".join(typed if before == after else read.pieces.names[after] for typed, before, after in pieces)

    def read(
        self, texts: Texts, mended: NDArray[np.bool_] | None = None
    ) -> tuple[Split, list[int], NDArray[np.float32]]:
        """Mends texts and tells how familiar they are then.

        Args:
            texts: n texts.
            mended: (n,) which of them may be mended; None mends all.

        Returns:
            The texts, the rows of those that have changed, and (n,) the share of the words of each that some training
            phrase has, 0-1 (1 without words).
        """
        read = split(texts)
        words, unknown = self._counts(read)
        slips = (unknown > 0) & (unknown <= np.maximum(1, words // 2))
        rows, number = np.flatnonzero(slips if mended is None else slips & mended).tolist(), read.pieces.__getitem__
        meant, lists = self._mended.at(read.pieces), list(read.lists)
        for row in rows:
            lists[row] = [number(meant[piece]) for piece in lists[row]]
        changed = [row for row in rows if lists[row] != read.lists[row]]
        found = Split(read.pieces, lists)
        words[changed], unknown[changed] = self._counts(found.at(changed))
        return found, changed, (1 - unknown / np.maximum(1, words)).astype(np.float32)

    def save(self, path: Path) -> None:
        """Writes it into one file."""
        words = np.frombuffer("\n".join(self._words).encode("utf8"), dtype=np.uint8)
        np.savez(path, known=self._known, words=words, keys=self._keys, owners=self._owners)

    @classmethod
    def load(cls, path: Path) -> Spelling:
        """Reads what `save` wrote."""
        with np.load(path) as stored:
            words = stored["words"].tobytes().decode("utf8").split("\n")
            return cls(stored["known"], words, stored["keys"], stored["owners"])

    def _counts(self, texts: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns how many words each text has, and how many of them no training phrase has."""
        count = self._counted.at(texts.pieces).__getitem__
        counted = np.array([sum(map(count, pieces)) for pieces in texts.lists], dtype=np.int64)
        words, unknown = np.divmod(counted, _WORDS)
        return words, unknown

    def _count(self, piece: str) -> int:
        """Returns the number of a piece's words, times `_WORDS`, plus that of its unknown ones."""
        words = _WORD.findall(fold_diacritics(normalise(piece)))
        return len(words) * _WORDS + sum(not self._is_known(word) for word in words)

    def _is_known(self, word: str) -> bool:
        return bool(_positions(self._known, _hash(word)))

    def _mend_piece(self, piece: str) -> str:
        return _WORD.sub(lambda match: self._mend_word(match.group()), piece)

    def _mend_word(self, typed: str) -> str:
        word = fold_diacritics(typed.lower())
        if not SHORTEST <= len(word) <= LONGEST or self._is_known(word):
            return typed
        owners = {
            int(self._owners[position])
            for key in (word, *_deletes(word))
            for position in _positions(self._keys, _hash(key))
        }
        near = sorted(owner for owner in owners if _one_error_apart(word, self._words[owner]))
        return self._words[near[0]] if near else typed


def _hash(word: str) -> int:
    return zlib.crc32(word.encode("utf8"))


def _deletes(word: str) -> set[str]:
    return {word[:index] + word[index + 1 :] for index in range(len(word))}


def _positions(keys: NDArray[np.uint32], key: int) -> range:
    wanted = np.uint32(key)  # of the keys' own type: another one would have numpy convert all of them
    return range(int(keys.searchsorted(wanted)), int(keys.searchsorted(wanted, "right")))


def _one_error_apart(first: str, second: str) -> bool:
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    rest, other = first[start:], second[start:]
    swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return swapped or rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]
