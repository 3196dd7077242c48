"""Prints how often the prediction flips when a held-out phrase is changed in ways that keep its meaning (CheckList).

python -m benchmarks.robustness [--flips]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence

from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.regression.measure import NluModel, held_out_examples
from bot.regression.robustness import CHANGES
from bot.training import train


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", action="store_true", help="list every phrase whose prediction flipped")
    options = parser.parse_args(arguments)
    model = NluModel(train())
    examples = [example for example in held_out_examples() if example.intent in load_issues()]
    before = [result["intent"]["name"] for result in model.parse([example.text for example in examples])]
    languages = sorted({example.language for example in examples})
    print("| change | " + " | ".join(languages) + " | all |\n" + "|---" * (len(languages) + 2) + "|")
    for name, change in CHANGES.items():
        chance = random.Random(7)
        changed = [change(example, chance) for example in examples]
        after = [result["intent"]["name"] for result in model.parse(changed)]
        rows = [
            (example, new, was, now)
            for example, new, was, now in zip(examples, changed, before, after, strict=True)
            if new != example.text
        ]
        shares = [_flipped([row for row in rows if row[0].language == language]) for language in languages]
        print(f"| {name} | " + " | ".join([*shares, _flipped(rows)]) + f" | ({len(rows)} phrases)")
        if options.flips:
            for example, new, was, now in rows:
                if was != now:
                    print(f"  {example.language} {was} -> {now}: {new}")
    return 0


def _flipped(rows: Sequence[tuple[Example, str, str, str]]) -> str:
    return f"{sum(was != now for _, _, was, now in rows) / len(rows):.1%}" if rows else "-"


if __name__ == "__main__":
    raise SystemExit(main())
