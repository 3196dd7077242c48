"""What the encoder learns from: phrases by intent, and texts that say the same in several languages."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_REAL_STYLE_COUNTS = 8
_TYPING_ERRORS = 0.3


@dataclass(frozen=True)
class Lessons:
    """Phrases by intent, and parallel texts."""

    phrases: list[tuple[str, str, bool]]
    """Text, intent, whether it is written as customers really write."""
    situations: list[dict[str, str]]
    """Phrases that tell the same matter, by language."""
    segments: list[dict[str, str]]
    """Passages of articles that are translations of each other, by language."""

    @classmethod
    def read(cls, path: Path) -> Lessons:
        """Reads what `python -m bot encoder lessons` wrote."""
        content = json.loads(path.read_text(encoding="utf8"))
        return cls([tuple(one) for one in content["phrases"]], content["situations"], content["segments"])

    @property
    def parallel(self) -> list[dict[str, str]]:
        """All parallel texts."""
        return [*self.situations, *self.segments]

    def pairs(self) -> list[tuple[str, str]]:
        """Returns texts of any language with their English counterpart."""
        translated = [(text, texts["en"]) for texts in self.parallel if "en" in texts for text in texts.values()]
        return [pair for pair in translated if pair[0] != pair[1]] + [
            (texts["en"], texts["en"]) for texts in self.situations if "en" in texts
        ]

    def weights(self) -> np.ndarray:
        """Returns how often each phrase is drawn, as shares that add up to 1."""
        counts = np.array([_REAL_STYLE_COUNTS if real else 1 for _, _, real in self.phrases], float)
        return counts / counts.sum()


def with_typing_errors(text: str, chance: random.Random) -> str:
    """Returns three texts of ten with one or two letters swapped, left out or doubled."""
    if len(text) <= 8 or chance.random() >= _TYPING_ERRORS:
        return text
    for _ in range(chance.choice((1, 1, 2))):
        place, kind = chance.randrange(1, len(text) - 2), chance.random()
        if kind < 0.4:
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        elif kind < 0.7:
            text = text[:place] + text[place + 1 :]
        else:
            text = text[:place] + text[place] + text[place:]
    return text
