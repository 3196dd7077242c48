"""A memory for what is asked again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


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
