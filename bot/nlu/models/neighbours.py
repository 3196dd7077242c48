"""Rates intents by the training phrases whose encodings are nearest to that of a message.

The intent model asks it about messages in a language that hardly any phrase is in; elsewhere words tell more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INVERSE_TEMPERATURE = 25.0
"""Factor on the cosines: the smaller, the more equal are near and far phrases (docs/understanding.md)."""
AT_ONCE = 64
"""Messages that are compared with the phrases at the same time, which takes 160 KB each."""


@dataclass(frozen=True)
class Neighbours:
    """Kernel regression over the training phrases (Nadaraya 1964, Watson 1964).

    Each phrase weighs exp(inverse temperature x cosine).

    All languages share the encoder's space, so the phrases of the others answer for a language that has none. It makes
    no use of words, which makes it worse than the linear model wherever the words are known.
    """

    encodings: NDArray[np.int8]
    """(n, dimension) encodings of the training phrases, intent by intent, times `127 / scale`."""
    scale: float
    """Largest absolute value among the encodings."""
    counts: NDArray[np.int64]
    """(labels,) how many phrases each intent has."""

    @classmethod
    def learn(cls, encodings: NDArray[np.float32], targets: NDArray[np.int64], labels: int) -> Neighbours:
        """Keeps the phrases' encodings, a byte a number."""
        scale = float(np.abs(encodings).max()) or 1.0
        ordered = encodings[np.argsort(targets, kind="stable")]
        return cls(np.round(ordered * (127 / scale)).astype(np.int8), scale, np.bincount(targets, minlength=labels))

    @cached_property
    def _unpacked(self) -> NDArray[np.float32]:
        """The phrases' encodings as (dimension, n), made with the first message that needs them: most never do."""
        return (self.encodings.astype(np.float32) * np.float32(self.scale / 127)).T

    def confidences(self, encodings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the share of each intent among the near phrases.

        Args:
            encodings: (m, dimension) encodings of messages; a row of zeros (no known feature) gets equal shares.

        Returns:
            (m, labels); each row adds up to 1.
        """
        shares = np.full((len(encodings), len(self.counts)), 1 / len(self.counts), dtype=np.float32)
        known, present = np.flatnonzero(encodings.any(axis=1)), np.flatnonzero(self.counts)
        starts = np.append(0, self.counts[present].cumsum()[:-1])
        for first in range(0, len(known), AT_ONCE):
            rows = known[first : first + AT_ONCE]
            # One is the largest cosine, so that no exponential is too large for its type.
            weights = np.exp((encodings[rows] @ self._unpacked - 1) * np.float32(INVERSE_TEMPERATURE))
            sums = np.zeros((len(rows), len(self.counts)), dtype=np.float32)
            sums[:, present] = np.add.reduceat(weights, starts, axis=1)
            shares[rows] = sums / sums.sum(axis=1, keepdims=True)
        return shares

    def save(self, path: Path) -> None:
        """Writes it into one file."""
        np.savez(path, encodings=self.encodings, scale=self.scale, counts=self.counts)

    @classmethod
    def load(cls, path: Path) -> Neighbours:
        """Reads what `save` wrote."""
        with np.load(path) as stored:
            return cls(stored["encodings"], float(stored["scale"]), stored["counts"])
