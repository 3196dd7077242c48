"""Prints how often the prediction flips when a held-out phrase is changed in ways that keep its meaning (CheckList).

python -m benchmarks.robustness [--flips]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from benchmarks.held_out import share
from bot.regression.measure import HELD_OUT
from bot.regression.robustness import CHANGES
from bot.regression.steps import ModelUnderTest, robustness
from bot.training import train


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", action="store_true", help="list every phrase whose prediction flipped")
    options = parser.parse_args(arguments)
    items = list(robustness(ModelUnderTest(train(), HELD_OUT, Path()), len(CHANGES)))
    languages = sorted({item.language for item in items})
    rows = []
    for change in CHANGES:
        own = [item for item in items if item.part == change]
        parts = [*([item for item in own if item.language == language] for language in languages), own]
        rows.append([change, *(f"{share(not item.right for item in part):.1%}" for part in parts), len(own)])
    print(tabulate(rows, ["change", *languages, "all", "phrases"], tablefmt="github", disable_numparse=True))
    if options.flips:
        for item in items:
            if not item.right:
                print(f"{item.part}: {item.language} {item.expected} -> {item.got}: {item.text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
