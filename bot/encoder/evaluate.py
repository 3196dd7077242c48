"""Measures whether a text finds the segment that says the same in another language, in files never trained on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.encoder.align import Segment
from bot.encoder.model import Encoder

_HELD_OUT_OF = 25
"""One file in so many is never trained on."""


@dataclass(frozen=True)
class Retrieval:
    """How often the nearest text of another language is the right one, by (from, to) language."""

    shares: dict[tuple[str, str], float]
    counts: dict[tuple[str, str], int]

    @property
    def mean(self) -> float:
        """Mean over the language pairs, 0-1."""
        return float(np.mean(list(self.shares.values()))) if self.shares else 0.0

    def lines(self) -> list[str]:
        """Returns the table as lines to print: rows are the languages asked in, columns those searched."""
        languages = sorted({language for pair in self.shares for language in pair})
        lines = ["from/to" + "".join(f"{language:>7}" for language in languages)]
        for source in languages:
            cells = [self.shares.get((source, target)) for target in languages]
            lines.append(f"{source:7}" + "".join("      -" if cell is None else f"{cell:7.1%}" for cell in cells))
        smallest, largest = min(self.counts.values(), default=0), max(self.counts.values(), default=0)
        lines.append(f"mean {self.mean:.1%}; {smallest}-{largest} texts to choose from")
        return lines


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
    vectors = {
        language: encoder.encode([segment.texts.get(language, "") for segment in segments]) for language in languages
    }
    shares: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], int] = {}
    for source in languages:
        for target in languages:
            common = [
                row
                for row, segment in enumerate(segments)
                if source != target and source in segment.texts and target in segment.texts
            ]
            if len(common) < 2:
                continue
            names = np.array([segments[row].texts[target] for row in common], dtype=object)
            nearest = (vectors[source][common] @ vectors[target][common].T).argmax(axis=1)
            shares[source, target] = float(np.mean(names[nearest] == names))
            counts[source, target] = len(common)
    return Retrieval(shares, counts)
