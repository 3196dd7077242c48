"""Defines a labelled training text; orders such texts, limits their number, finds intents that have few of them."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_FEW = 50
"""An intent with fewer examples, where others have more, counts as much as the usual one; and what a sentence means
decides alone about it, since hardly any of its words are known. Measured by `python -m benchmarks.few_examples`."""


@dataclass(frozen=True)
class LabelledText:
    """A text, what it means, its language, and whether it is written as customers really write.

    An answer to the question for the product also says which one it names, a question about an article which passage
    (`issue/slug`) answers it, a first message which product its situation implies (`none`: nobody could tell).
    """

    text: str
    intent: str
    language: str | None
    real_style: bool = False
    product: str | None = None
    passage: str | None = None
    implies: str | None = None


def real_style_first(examples: Iterable[LabelledText]) -> list[LabelledText]:
    """Returns examples in real style before the others, else in an order that does not depend on the files."""
    return sorted(examples, key=lambda each: (not each.real_style, zlib.crc32(each.text.encode())))


def first_of_each(
    examples: Iterable[LabelledText], limits: Mapping[str, int], most: float = math.inf
) -> Iterator[LabelledText]:
    """Yields the first examples of each intent and language.

    Args:
        examples: all of them, in the order in which they are taken.
        limits: intent -> number of its examples in each language.
        most: the number for intents without a limit; all of them without it.
    """
    taken: Counter[tuple[str, str | None]] = Counter()
    for example in examples:
        taken[example.intent, example.language] += 1
        if taken[example.intent, example.language] <= limits.get(example.intent, most):
            yield example


def few_examples(intents: Sequence[str]) -> frozenset[str]:
    """Returns the intents that have few examples, where half of them or more have many.

    Args:
        intents: those of n examples.
    """
    counts = Counter(intents)
    least = min(_FEW, float(np.median(list(counts.values()))))
    return frozenset(intent for intent, count in counts.items() if count < least)
