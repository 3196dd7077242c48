"""Prints how much of a new intent is understood that has few examples, beside intents that have many (BANKING77).

python -m benchmarks.few_examples [--draws N]

The shipped sentence encoder has learned nothing of these intents, as of an issue on its first day.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.classifiers.data import SEED, DataSet, Phrase, banking77
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText

COUNTS = (1, 2, 3, 5, 10, 20, 50)
NEW_INTENTS = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2, help=f"how often {NEW_INTENTS} new intents are drawn (2)")
    options = parser.parse_args(arguments)
    data, draw = banking77(), random.Random(SEED)
    intents = sorted({phrase.intent for phrase in data.train})
    draws = [frozenset(draw.sample(intents, NEW_INTENTS)) for _ in range(options.draws)]
    print("| examples of a new intent | of its messages understood | of the others |\n|---|---|---|")
    for count in COUNTS:
        measured = [_understood(data, new, count) for new in draws]
        shares = [sum(column) / len(measured) for column in zip(*measured, strict=True)]
        print(f"| {count} | {shares[0]:.0%} | {shares[1]:.0%} |", flush=True)
    return 0


def _understood(data: DataSet, new: frozenset[str], count: int) -> tuple[float, float]:
    """Returns the share of test messages whose intent is found: of the new intents, and of the others."""
    taken: Counter[str] = Counter()
    examples = []
    for phrase in data.train:
        taken[phrase.intent] += 1
        if phrase.intent not in new or taken[phrase.intent] <= count:
            examples.append(LabelledText(phrase.text, phrase.intent, "en"))
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn(examples)
    found = model.predict([phrase.text for phrase in data.test], ["en"] * len(data.test))
    right = [(phrase, next(iter(ranking)) == phrase.intent) for phrase, ranking in zip(data.test, found, strict=True)]
    return _share(right, lambda phrase: phrase.intent in new), _share(right, lambda phrase: phrase.intent not in new)


def _share(right: Sequence[tuple[Phrase, bool]], wanted: Callable[[Phrase], bool]) -> float:
    chosen = [was_right for phrase, was_right in right if wanted(phrase)]
    return sum(chosen) / len(chosen)


if __name__ == "__main__":
    raise SystemExit(main())
