"""A memory for what is asked again and again, and for lists of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key")
Value = TypeVar("Value")
Number = TypeVar("Number", int, float)


class Remembered(dict[Key, Value]):
    """Key -> what a function says to it, asked once. Where there are too many, all are forgotten at once.

    A dictionary, as its lookup is what texts spend most of their time in: it takes half the time of `lru_cache`.

    Args:
        ask: what is asked of an unknown key.
        most: how many are remembered; None sets no limit.
    """

    def __init__(self, ask: Callable[[Key], Value], most: int | None = None) -> None:
        super().__init__()
        self._ask = ask
        self._most = most

    def __missing__(self, key: Key) -> Value:
        if self._most is not None and len(self) >= self._most:
            self.clear()
        self[key] = value = self._ask(key)
        return value


class Lists(Generic[Number]):
    """Lists of numbers, one after the other in one array; only added to.

    Args:
        kind: the numbers' type code, as `array` has it.
    """

    def __init__(self, kind: str) -> None:
        self._values: array[Number] = array(kind)
        self._ends = array("i", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def total(self) -> int:
        """How many numbers all lists have."""
        return len(self._values)

    def add(self, values: Iterable[Number]) -> None:
        """Adds a list."""
        self._values.extend(values)
        self._ends.append(len(self._values))

    def __getitem__(self, number: int) -> array[Number]:
        """Returns one list."""
        return self._values[self._ends[number] : self._ends[number + 1]]

    def since(self, first: int) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """Returns the values of all lists from one on, and where each ends among them, beginning with 0.

        They share the memory: they must be gone before anything is added.
        """
        ends = np.frombuffer(self._ends, dtype=np.int32)[first:]
        kind = self._values.typecode
        values = np.frombuffer(self._values, dtype=kind) if self._values else np.zeros(0, dtype=kind)
        return values[ends[0] :], ends - ends[0]

    def of(self, numbers: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """Returns the values of some lists, one after the other, and how many each of them has."""
        values, ends = self.since(0)
        starts = ends[numbers]
        lengths = ends[numbers + 1] - starts
        before = lengths.cumsum() - lengths
        return values[np.arange(lengths.sum()) + (starts - before).repeat(lengths)], lengths
