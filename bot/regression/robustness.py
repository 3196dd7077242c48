"""Changes to a phrase that keep its meaning: a prediction that flips with one of them is a weakness (CheckList).

The method is the invariance test of Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with
CheckList". The step `robustness` changes each phrase of an issue in one way at a time, and asks the model; a flip is
another intent than for the phrase as written.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from bot.articles.examples import Example
from bot.text.characters import fold_diacritics
from bot.text.yaml_files import read_yaml

COURTESIES = read_yaml(Path(__file__).parent / "assets" / "courtesies.yml", ValueError)
"""Language -> a greeting, a signature and a polite request."""


def typo(example: Example, chance: random.Random) -> str:
    """Swaps two neighbouring letters inside one word of five letters or more."""
    words = list(re.finditer(r"[^\W\d_]{5,}", example.text))
    if not words:
        return example.text
    start = (word := chance.choice(words)).start() + chance.randrange(1, len(word.group()) - 2)
    return example.text[:start] + example.text[start + 1] + example.text[start] + example.text[start + 2 :]


def swap_product(example: Example, chance: random.Random) -> str:
    """Names the other product."""
    if re.search(r"azure", example.text, re.IGNORECASE):
        return re.sub(r"azure", "Microsoft 365", example.text, flags=re.IGNORECASE)
    return re.sub(r"\b(microsoft 365|office 365|m365|o365)\b", "Azure", example.text, flags=re.IGNORECASE)


CHANGES: dict[str, Callable[[Example, random.Random], str]] = {
    "one typo": typo,
    "no diacritics": lambda example, _: fold_diacritics(example.text),
    "all capitals": lambda example, _: example.text.upper(),
    "lower case, no punctuation": lambda example, _: re.sub(r"[^\w\s]", "", example.text.lower()),
    "greeting and signature": lambda example, _: "{}{text}{}".format(*COURTESIES[example.language], text=example.text),
    "politeness": lambda example, _: COURTESIES[example.language][2] + example.text,
    "other product": swap_product,
    "other numbers": lambda example, chance: re.sub(r"\d", lambda _: str(chance.randrange(1, 10)), example.text),
}
