"""Splits texts at their blanks and numbers what stands between: whatever is asked of a piece is asked once.

What happens to a message before it is understood (folding, spelling, n-grams, encoding, signs of words) does not reach
over a blank, and pieces repeat. So components remember what they have found by numbers of pieces, and those that read
the same text one after the other share how it was split.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from threading import Lock
from typing import Generic, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")

MOST_PIECES = 50_000
"""Pieces that are numbered; with more, numbers begin anew. Messages of a year have as many."""
LONGEST_PIECE = 100
"""Characters that are read of a piece, also after one character has become several: longer ones are no words, and what
is done with one takes the longer the longer it is, some of it with the square."""
_LONG_NUMBER = re.compile(r"\d{5,}")


def without_long_numbers(text: str) -> str:
    """Returns the text with all long numbers (invoice or card numbers) as one and the same."""
    return _LONG_NUMBER.sub("00000", text)


class Pieces(dict[str, int]):
    """Piece -> its number, from 0. All long numbers, such as those of invoices, are one: most are met with once."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self._lock = Lock()  # actions read texts beside the pipeline, in threads of their own

    def __missing__(self, piece: str) -> int:
        without_number = without_long_numbers(piece)
        if without_number != piece:
            return self[without_number]
        with self._lock:
            if piece not in self:
                self.names.append(piece)
                self[piece] = len(self.names) - 1
        return self[piece]


class Split:
    """Texts as the numbers of their pieces.

    Args:
        pieces: what the numbers stand for.
        lists: n texts.
    """

    def __init__(self, pieces: Pieces, lists: Sequence[Sequence[int]]) -> None:
        self.pieces = pieces
        self.lists = lists

    def __len__(self) -> int:
        return len(self.lists)

    @cached_property
    def of_text(self) -> NDArray[np.int32]:
        """For each piece of all texts, one text after the other, which text it is in."""
        return np.arange(len(self.lists), dtype=np.int32).repeat([len(each) for each in self.lists])

    def at(self, rows: Sequence[int]) -> Split:
        """Returns some of the texts."""
        return Split(self.pieces, [self.lists[row] for row in rows])


Texts = Sequence[str] | Split


class _Splitter:
    def __init__(self) -> None:
        self._known: tuple[Pieces, dict[str, list[int]]] = Pieces(), {}
        """Pieces, and how the texts of the last call were split into them: together, as threads may change them."""

    def __call__(self, texts: Texts) -> Split:
        if isinstance(texts, Split):
            return texts
        # As many as one call needs are never too many: phrases are trained on all at once, and several times.
        pieces, recent = self._known
        if len(pieces.names) > max(MOST_PIECES, 2 * len(texts)):
            pieces, recent = Pieces(), {}
        number, known = pieces.__getitem__, recent.get
        lists = [known(text) or [number(piece[:LONGEST_PIECE]) for piece in text.split()] for text in texts]
        # Several components read the same texts, one after the other.
        self._known = pieces, dict(zip(texts, lists, strict=True))
        return Split(pieces, lists)


split = _Splitter()
"""Splits texts; those that are split already are returned as they are."""


class _Answers(dict[int, Value]):
    def __init__(self, pieces: Pieces, ask: Callable[[str], Value]) -> None:
        super().__init__()
        self.pieces = ref(pieces)  # what nobody has asked about for long does not keep the names of then
        self._ask = ask

    def __missing__(self, number: int) -> Value:
        pieces = self.pieces()
        assert pieces is not None, "the texts that are asked about keep them"
        self[number] = value = self._ask(pieces.names[number])
        return value


class OfPieces(Generic[Value]):
    """What a function says to pieces; each is asked once, until their numbers begin anew.

    Args:
        ask: what is asked of a piece.
    """

    def __init__(self, ask: Callable[[str], Value]) -> None:
        self._ask = ask
        self._answers = _Answers(Pieces(), ask)

    def at(self, pieces: Pieces) -> Mapping[int, Value]:
        """Returns number of a piece -> answer."""
        answers = self._answers
        if answers.pieces() is not pieces:
            answers = self._answers = _Answers(pieces, self._ask)
        return answers


class Signs(OfPieces[int]):
    """What pieces are signs of: 1, 2, 4, .., added up."""

    def of(self, text: str) -> int:
        """Returns what any piece of a text is a sign of."""
        read = split([text])
        return reduce(or_, map(self.at(read.pieces).__getitem__, read.lists[0]), 0)
