"""More training examples: the same matter with a greeting, a plea or thanks around it, as people write them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

GREETING, PLEA, CLOSING = "greet", "ask_help", ("thank", "goodbye")
_COURTESIES = frozenset({GREETING, PLEA, *CLOSING})


@dataclass(frozen=True)
class LabelledText:
    """A text, what it means, and its language."""

    text: str
    intent: str
    language: str | None


def with_courtesies(examples: Sequence[LabelledText], share: float, seed: int) -> list[tuple[int, LabelledText]]:
    """Returns new examples: some of the given ones with what their language has for a beginning and an end.

    The courtesies are themselves examples (of `greet`, `ask_help`, `thank` and `goodbye`), so a new language needs no
    list of its own. What is joined keeps the intent of the matter in the middle.

    Args:
        examples: the training examples; those of a language without courtesies are left out.
        share: share of the examples to be joined with courtesies, 0-1.
        seed: seed of the choices.

    Returns:
        Each new example with the index of the one that it was made from.
    """
    said: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for example in examples:
        if example.intent in _COURTESIES:
            said[example.language, example.intent].append(example.text)
    joined = []
    for index, example in enumerate(examples):
        # Of its own for each: one phrase more or less changes nothing for the others.
        chance = random.Random(f"{seed} {example.intent} {example.text}")
        if example.intent in _COURTESIES or chance.random() >= share:
            continue
        before = [*_one_of(said[example.language, GREETING], 0.6, chance)]
        plea = [*_one_of(said[example.language, PLEA], 0.55, chance)]
        after = [*_one_of(said[example.language, chance.choice(CLOSING)], 0.6, chance)]
        middle = [*plea, example.text] if chance.random() < 0.6 else [example.text, *plea]
        parts = [*before, *middle, *after]
        if len(parts) > 1:
            text = chance.choice((". ", ", ", " ", "! ")).join(parts)
            joined.append((index, LabelledText(text, example.intent, example.language)))
    return joined


def _one_of(texts: Sequence[str], probability: float, chance: random.Random) -> list[str]:
    return [chance.choice(texts)] if texts and chance.random() < probability else []
