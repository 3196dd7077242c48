"""Measures whether a text finds the segment that says the same in another language, in files never trained on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from tabulate import tabulate

from bot.encoder.model import Encoder
from bot.encoder.training.align import Segment

_HELD_OUT_OF = 25
"""One file in so many is never trained on."""


@dataclass(frozen=True)
class Retrieval:
    """Share of texts whose nearest one of another language is the right one, by (from, to) language."""

    shares: dict[tuple[str, str], float]
    counts: dict[tuple[str, str], int]

    @property
    def mean(self) -> float:
        """Mean over the language pairs, 0-1."""
        return float(np.mean(list(self.shares.values()))) if self.shares else 0.0

    def lines(self) -> list[str]:
        """Returns the table as lines to print: rows are the languages asked in, columns those searched."""
        languages = sorted({language for pair in self.shares for language in pair})
        rows = [[source, *(self.shares.get((source, target)) for target in languages)] for source in languages]
        table = tabulate(rows, ["from/to", *languages], "plain", floatfmt=".1%", missingval="-")
        smallest, largest = min(self.counts.values(), default=0), max(self.counts.values(), default=0)
        return [*table.splitlines(), f"mean {self.mean:.1%}; {smallest}-{largest} texts to choose from"]


def is_held_out(file: str) -> bool:
    """Tells whether a file's segments are kept for measuring; the same files on every machine."""
    return zlib.crc32(file.encode()) % _HELD_OUT_OF == 0


def measure_retrieval(encoder: Encoder, segments: Sequence[Segment]) -> Retrieval:
    """Asks for every text's counterpart in every other language.

    Args:
        encoder: what is measured.
        segments: parallel texts; the texts of one language are the candidates.

    Returns:
        Share of texts whose nearest candidate says the same, by language pair with two segments or more.
    """
    languages = sorted({language for segment in segments for language in segment.texts})
    vectors = {code: encoder.encode([segment.texts.get(code, "") for segment in segments]) for code in languages}
    retrieval = Retrieval({}, {})
    for source, target in permutations(languages, 2):
        rows = [row for row, segment in enumerate(segments) if segment.texts.keys() >= {source, target}]
        if len(rows) < 2:
            continue
        texts = np.array([segments[row].texts[target] for row in rows], dtype=object)
        nearest = (vectors[source][rows] @ vectors[target][rows].T).argmax(axis=1)
        retrieval.shares[source, target] = float(np.mean(texts[nearest] == texts))
        retrieval.counts[source, target] = len(rows)
    return retrieval
