"""Names the intent by the nearest training phrases in the encoder's space: for words that no phrase has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARPNESS = 25.0
"""Factor on the cosines: the smaller, the more equal are near and far phrases (docs/understanding.md)."""
AT_ONCE = 256
"""Messages that are compared at the same time; to fetch the phrases from memory takes longer than to compare them."""
_BLOCK = 2048
"""So many phrases, or those of one intent, are compared at the same time, so that what comes out stays at hand."""


@dataclass
class Neighbours:
    """Kernel regression over the training phrases (Nadaraya 1964, Watson 1964), each weighing exp(sharpness x cosine).

    All languages share the encoder's space, so the phrases of the others answer for a language that has none. It makes
    no use of words, which makes it worse than the linear model wherever the words are known.
    """

    encodings: NDArray[np.int8]
    """(n, dimension) encodings of the training phrases, intent by intent, times `127 / scale`."""
    scale: float
    """Largest absolute value among the encodings."""
    counts: NDArray[np.int64]
    """(labels,) how many phrases each intent has."""
    _unpacked: NDArray[np.float32] | None = None

    @classmethod
    def learn(cls, encodings: NDArray[np.float32], targets: NDArray[np.int64], labels: int) -> Neighbours:
        """Keeps the phrases' encodings, a byte a number."""
        scale = float(np.abs(encodings).max()) or 1.0
        ordered = encodings[np.argsort(targets, kind="stable")]
        return cls(np.round(ordered * (127 / scale)).astype(np.int8), scale, np.bincount(targets, minlength=labels))

    def confidences(self, encodings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the share of each intent among the near phrases.

        Args:
            encodings: (m, dimension) encodings of messages; a row of zeros (no known feature) gets equal shares.

        Returns:
            (m, labels); each row adds up to 1.
        """
        if self._unpacked is None:  # with the first message that needs it: most never do
            self._unpacked = self.encodings.astype(np.float32) * np.float32(self.scale / 127)
        shares = np.full((len(encodings), len(self.counts)), 1 / len(self.counts), dtype=np.float32)
        known = np.flatnonzero(encodings.any(axis=1))
        ends = np.append(0, self.counts.cumsum())
        blocks = self._blocks()
        for start in range(0, len(known), AT_ONCE):
            rows = known[start : start + AT_ONCE]
            asked, sums = encodings[rows], np.zeros((len(rows), len(self.counts)), dtype=np.float32)
            for labels in blocks:
                first, last = ends[labels[0]], ends[labels[-1] + 1]
                weights = asked @ self._unpacked[first:last].T
                weights -= 1  # the largest cosine; no exponential is too small for its type
                weights *= np.float32(SHARPNESS)
                sums[:, labels] = np.add.reduceat(np.exp(weights, out=weights), ends[labels] - first, axis=1)
            shares[rows] = sums / sums.sum(axis=1, keepdims=True)
        return shares

    def _blocks(self) -> list[NDArray[np.int64]]:
        """Returns the labels that have phrases, neighbours together until they have `_BLOCK` phrases."""
        present = np.flatnonzero(self.counts)
        return list(np.split(present, np.flatnonzero(np.diff(self.counts[present].cumsum() // _BLOCK)) + 1))

    def save(self, path: Path) -> None:
        """Writes it into one file."""
        np.savez(path, encodings=self.encodings, scale=self.scale, counts=self.counts)

    @classmethod
    def load(cls, path: Path) -> Neighbours:
        """Reads what `save` wrote."""
        with np.load(path) as stored:
            return cls(stored["encodings"], float(stored["scale"]), stored["counts"])
